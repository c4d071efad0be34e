//go:build linux

package main

import (
	"github.com/secure-socket-api/ssa/bench/report"
)

// rows are all there is to measure, in the order of the report.
func rows(quick bool) []*row {
	counts := together
	if quick {
		counts = []string{"1", "3"}
	}
	return []*row{
		{report.Row{
			Name: "short", Title: "Short programs: start, connect, GET 1 KiB, exit, one after the other, the system's roots in use",
			Unit: "ms each", Metrics: []string{"ms", "cpu_ms"},
			Goals: forEach(report.Goal{Metric: "ms", Against: "openssl", Limit: 0.15}),
		}, openShort},
		{report.Row{
			Name: "runs", Title: "The same, each program in an ssa run of its own: what the service shares between them",
			Unit: "ms each", Metrics: []string{"ms", "cpu_ms"}, Goals: []report.Goal{},
		}, openRuns},
		{report.Row{
			Name: "many", Title: "Many connects: one program, each connect with GET 1 KiB, one after the other",
			Unit: "ms each", Metrics: []string{"ms", "cpu_ms"},
			Goals: forEach(report.Goal{Metric: "ms", Against: "openssl", Limit: 1.0}),
		}, openMany},
		{report.Row{
			Name: "paper", Title: "So many processes at once fetch 1 MB over HTTPS from nginx",
			Unit: "ms for all", Metrics: counts, Goals: paperGoals(counts),
		}, openPaper},
		{report.Row{
			Name: "connect-full", Title: "New connections of a server: full TLS 1.3 handshakes, ECDSA P-256, GET 1 KiB",
			Unit: "per second", Metrics: []string{"per_second", "per_cpu_second"}, More: true,
			Goals: connectGoals(),
		}, openConnect(false)},
		{report.Row{
			Name: "connect-resumed", Title: "Resumed connections of a server: TLS 1.3 with tickets, GET 1 KiB",
			Unit: "per second", Metrics: []string{"per_second", "per_cpu_second"}, More: true,
			Goals: connectGoals(),
		}, openConnect(true)},
		{bulkRow("bulk-send-1", "One connection, the server sends"), openBulk("get", 1)},
		{bulkRow("bulk-receive-1", "One connection, the server receives"), openBulk("put", 1)},
		{clientBulkRow("bulk-client-receive", "One connection, the client receives"), openClientBulk(false)},
		{clientBulkRow("bulk-client-send", "One connection, the client sends"), openClientBulk(true)},
		{bulkRow("bulk-send-100", "100 connections, the server sends"), openBulk("get", 100)},
		{bulkRow("bulk-receive-100", "100 connections, the server receives"), openBulk("put", 100)},
		{report.Row{
			Name: "ping", Title: "Small messages: 64 bytes to a server and back, on a kept connection",
			Unit: "µs", Metrics: []string{"p50_us", "p99_us"}, Goals: pingGoals(),
		}, openPing},
		{report.Row{
			Name: "idle", Title: "Idle connections held after one GET: memory of what does TLS, and of it with its program, per connection",
			Unit: "KiB each", Metrics: []string{"tls_kib", "all_kib", "kernel_kib"},
			Goals: forEach(report.Goal{Metric: "tls_kib", Against: "nginx", Limit: 1.0}),
		}, openIdle},
		{report.Row{
			Name: "gate", Title: "Calls on plain sockets: what the gate costs programs that ask for no TLS",
			Unit: "ns each", Metrics: plainCalls, Goals: gateGoals(),
		}, openGate},
		{report.Row{
			Name: "start", Title: "Start: ssa run -- true",
			Unit: "ms each", Metrics: []string{"ms", "cpu_ms"},
			Goals: forEach(report.Goal{Metric: "ms", Limit: 10}),
		}, openStart},
	}
}

// ways are the names that ssa can have in a report.
var ways = []string{"ssa", "ssa service"}

// forEach makes a goal for every way of ssa. Its text is written here, so that
// it says what is judged.
func forEach(goals ...report.Goal) []report.Goal {
	var all []report.Goal
	for _, way := range ways {
		for _, g := range goals {
			g.Of = way
			g.Text = g.Describe()
			all = append(all, g)
		}
	}
	return all
}

func connectGoals() []report.Goal {
	var goals []report.Goal
	for _, metric := range []string{"per_second", "per_cpu_second"} {
		goals = append(goals, report.Goal{Metric: metric, Against: "nginx", Limit: 0.8, AtLeast: true})
		for _, tunnel := range beaten {
			goals = append(goals, report.Goal{Metric: metric, Against: tunnel, Limit: 1, AtLeast: true})
		}
	}
	return forEach(goals...)
}

// beaten are the tunnels that goals name. HAProxy is measured beside them.
var beaten = []string{"stunnel", "hitch", "go tunnel"}

func bulkRow(name, title string) report.Row {
	goals := []report.Goal{{Metric: "GB/s", Against: "openssl", Limit: 0.75, AtLeast: true}}
	for _, tunnel := range beaten {
		goals = append(goals, report.Goal{Metric: "GB/s", Against: tunnel, Limit: 1.3, AtLeast: true})
	}
	return report.Row{
		Name: name, Title: "Bulk: " + title, Unit: "GB/s", Metrics: []string{"GB/s", "server_cpu_s/GB",
			"load_cpu_s/GB"}, More: true, Goals: forEach(goals...),
	}
}

func clientBulkRow(name, title string) report.Row {
	return report.Row{
		Name: name, Title: "Bulk: " + title, Unit: "GB/s",
		Metrics: []string{"GB/s", "client_cpu_s/GB"}, More: true,
		Goals: forEach(report.Goal{Metric: "GB/s", Against: "openssl", Limit: 0.75, AtLeast: true}),
	}
}

func pingGoals() []report.Goal {
	var goals []report.Goal
	for _, metric := range []string{"p50_us", "p99_us"} {
		goals = append(goals, report.Goal{Metric: metric, Against: "openssl", Plus: "hop", Limit: 1})
		for _, tunnel := range beaten {
			goals = append(goals, report.Goal{Metric: metric, Against: tunnel, Limit: 1})
		}
	}
	return forEach(goals...)
}

func paperGoals(counts []string) []report.Goal {
	var goals []report.Goal
	for _, n := range counts {
		limit := 1.0
		if n == "20" {
			limit = 0.6
		}
		goals = append(goals, report.Goal{Metric: n, Against: "openssl", Limit: limit})
	}
	return forEach(goals...)
}

// gateGoals: what the filter lets pass costs nothing, within what differs from
// one run to the next. For the other calls the figures themselves are the answer.
func gateGoals() []report.Goal {
	return forEach(
		report.Goal{Metric: "getpid", Against: "native", Limit: 1.1},
		report.Goal{Metric: "write+read", Against: "native", Limit: 1.1},
	)
}
