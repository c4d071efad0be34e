// Package metrics tells the sums of a registry to Prometheus, in the text
// format that it and others read. It serves on a Unix socket or on loopback and
// nowhere else, and has no name in it that a peer chose.
package metrics

import (
	"bytes"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// Write writes all metrics.
func Write(out io.Writer, c *registry.Counters) error {
	var page bytes.Buffer
	p := &printer{out: &page}
	service(p, c)
	handshakes(p, c)
	traffic(p, c)
	programs(p, c)
	certificates(p, c)
	_, err := out.Write(page.Bytes())
	return err
}

func service(p *printer, c *registry.Counters) {
	p.family("ssa_build_info", "gauge", "The build of the service; always 1.")
	p.sample("ssa_build_info", 1, "version", c.Build, "go", runtime.Version())
	p.family("ssa_start_time_seconds", "gauge", "When the service was started, Unix time.")
	p.sample("ssa_start_time_seconds", seconds(c.Started))
	p.family("ssa_goroutines", "gauge", "Goroutines of the service.")
	p.sample("ssa_goroutines", float64(runtime.NumGoroutine()))
	p.family("ssa_policy_reloads_total", "counter", "Reloads of the policy.")
	p.sample("ssa_policy_reloads_total", float64(c.Reloads.Done), "result", "done")
	p.sample("ssa_policy_reloads_total", float64(c.Reloads.Failed), "result", "failed")
	p.family("ssa_key_logs_active", "gauge", "Key logs that are on.")
	p.sample("ssa_key_logs_active", float64(c.KeyLogs))
	p.family("ssa_queue_length", "gauge", "Waiting requests, by queue.")
	for _, name := range slices.Sorted(maps.Keys(c.Queues)) {
		p.sample("ssa_queue_length", float64(c.Queues[name]), "queue", name)
	}
}

func handshakes(p *printer, c *registry.Counters) {
	keys := slices.SortedFunc(maps.Keys(c.Handshakes), compareKeys)
	p.family("ssa_handshakes_total", "counter", "Completed handshakes.")
	for _, k := range keys {
		if k.Reason == "" {
			p.sample("ssa_handshakes_total", float64(c.Handshakes[k]), "role", k.Role, "profile", k.Profile,
				"version", k.Version, "suite", k.Suite, "resumed", strconv.FormatBool(k.Resumed))
		}
	}
	p.family("ssa_handshake_failures_total", "counter", "Failed handshakes, by reason.")
	for _, k := range keys {
		if k.Reason != "" {
			p.sample("ssa_handshake_failures_total", float64(c.Handshakes[k]), "role", k.Role, "profile",
				k.Profile, "reason", k.Reason)
		}
	}
	p.family("ssa_refusals_total", "counter", "Refusals, by what refused.")
	for _, what := range registry.Refusers() {
		p.sample("ssa_refusals_total", float64(c.Refused[what]), "what", what)
	}
	p.family("ssa_refusals_missed_total", "counter", "Refusals by gates that could not be reported one by one.")
	p.sample("ssa_refusals_missed_total", float64(c.Missed))
	p.family("ssa_handshake_duration_seconds", "histogram", "Duration of completed handshakes.")
	for _, role := range slices.Sorted(maps.Keys(c.Times)) {
		p.histogram("ssa_handshake_duration_seconds", c.Times[role], "role", role)
	}
}

func traffic(p *printer, c *registry.Counters) {
	p.family("ssa_connections_open", "gauge", "Open connections, those in their handshake included.")
	for _, role := range slices.Sorted(maps.Keys(c.Open)) {
		for _, profile := range slices.Sorted(maps.Keys(c.Open[role])) {
			p.sample("ssa_connections_open", float64(c.Open[role][profile]), "role", role,
				"profile", profile)
		}
	}
	p.family("ssa_connection_ends_total", "counter", "Ended connections, by how; clean is how they should end.")
	for _, reason := range slices.Sorted(maps.Keys(c.Ends)) {
		p.sample("ssa_connection_ends_total", float64(c.Ends[reason]), "reason", reason)
	}
	p.family("ssa_bytes_total", "counter", "Bytes of plaintext moved for programs.")
	p.sample("ssa_bytes_total", float64(c.Received), "direction", "received")
	p.sample("ssa_bytes_total", float64(c.Sent), "direction", "sent")
}

func programs(p *printer, c *registry.Counters) {
	names := slices.Sorted(maps.Keys(c.Programs))
	each := func(name, kind, help string, value func(registry.LabelCounts) float64) {
		p.family(name, kind, help)
		for _, program := range names {
			p.sample(name, value(c.Programs[program]), "program", program)
		}
	}
	each("ssa_program_connections_open", "gauge", "Open connections, by the program's name.",
		func(l registry.LabelCounts) float64 { return float64(l.Open) })
	each("ssa_program_handshakes_total", "counter", "Completed handshakes, by the program's name.",
		func(l registry.LabelCounts) float64 { return float64(l.Handshakes) })
	each("ssa_program_handshake_failures_total", "counter", "Failed handshakes, by the program's name.",
		func(l registry.LabelCounts) float64 { return float64(l.Failed) })
	each("ssa_program_refusals_total", "counter", "Refusals, by the program's name.",
		func(l registry.LabelCounts) float64 { return float64(l.Refused) })
	p.family("ssa_program_bytes_total", "counter", "Bytes of plaintext moved, by the program's name.")
	for _, program := range names {
		p.sample("ssa_program_bytes_total", float64(c.Programs[program].Received), "program", program,
			"direction", "received")
		p.sample("ssa_program_bytes_total", float64(c.Programs[program].Sent), "program", program,
			"direction", "sent")
	}
}

func certificates(p *printer, c *registry.Counters) {
	p.family("ssa_certificate_expiry_timestamp_seconds", "gauge", "When the certificate of an identity expires, Unix time.")
	for _, cert := range slices.SortedFunc(slices.Values(c.Certificates), compareCertificates) {
		p.sample("ssa_certificate_expiry_timestamp_seconds", seconds(cert.NotAfter), "identity",
			cert.Identity)
	}
	p.family("ssa_revocation_list_usable", "gauge", "Whether a local revocation list of the policy says who is not revoked, too: 1, or 0 for one that is out of date, partial or broken.")
	for _, list := range c.Lists {
		usable := 1.0
		if list.Problem != "" {
			usable = 0
		}
		p.sample("ssa_revocation_list_usable", usable, "path", list.Path)
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
