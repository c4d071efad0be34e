package main

import (
	"crypto/tls"
	"io"
	"log/slog"
	"os"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/journal"
	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// Values of --log-format.
const (
	logAuto    = "auto"
	logText    = "text"
	logJSON    = "json"
	logJournal = "journal"
)

// alarms makes the log of a service, for what people must be told.
func (o *daemonOptions) alarms(stderr io.Writer) (*slog.Logger, error) {
	text := &lineHandler{out: stderr}
	switch o.logFormat {
	case logText:
		return slog.New(text), nil
	case logJSON:
		return slog.New(slog.NewJSONHandler(legibleWriter{stderr},
			&slog.HandlerOptions{ReplaceAttr: jsonAttr})), nil
	case logAuto, logJournal:
		file, ok := stderr.(*os.File)
		if o.logFormat == logAuto && (!ok || !journal.Connected(file, os.Getenv("JOURNAL_STREAM"))) {
			return slog.New(text), nil
		}
		conn, err := journal.Dial(journal.Socket)
		if err == nil {
			return slog.New(journal.New(journal.Config{Conn: conn, Text: lineText, Expand: expandFacts,
				Fallback: text})), nil
		}
		if o.logFormat == logAuto {
			return slog.New(text), nil
		}
		return nil,
			&problem{what: "the journal cannot be written: " + err.Error(), hint: "--log-format text writes to standard error", status: statusUsage}
	}
	return nil, &problem{what: "--log-format is " + o.logFormat + ", and must be auto, text, json or journal", status: statusUsage}
}

// legibleWriter writes JSON for terminals too.
type legibleWriter struct{ out io.Writer }

func (w legibleWriter) Write(line []byte) (int, error) {
	if _, err := w.out.Write(registry.Legible(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// jsonAttr gives attributes the names and forms of the status.
func jsonAttr(_ []string, a slog.Attr) slog.Attr {
	if a.Key == "id" {
		a.Key = "tls_id"
	}
	if facts, ok := a.Value.Any().(*engine.Facts); ok {
		return slog.Attr{Key: "tls", Value: slog.GroupValue(factAttrs(facts)...)}
	}
	if err, ok := a.Value.Any().(error); ok {
		a.Value = slog.StringValue(err.Error())
	}
	return a
}

// expandFacts makes attributes of what is known of a connection.
func expandFacts(a slog.Attr) []slog.Attr {
	if facts, ok := a.Value.Any().(*engine.Facts); ok {
		return factAttrs(facts)
	}
	return []slog.Attr{a}
}

// factAttrs leaves out certificates and what is not known.
func factAttrs(f *engine.Facts) []slog.Attr {
	all := []slog.Attr{slog.String("version", tls.VersionName(f.Version)),
		slog.String("suite", tls.CipherSuiteName(f.CipherSuite)), slog.Bool("resumed", f.Resumed)}
	for _, text := range []struct{ key, value string }{
		{"group", f.Group}, {"alpn", f.ALPN}, {"server_name", f.ServerName},
		{"peer_identity", f.PeerIdentity}} {
		if text.value != "" {
			all = append(all, slog.String(text.key, text.value))
		}
	}
	return all
}

// verboseLog is the log for what happens to each connection, if it is wanted.
func (o *daemonOptions) verboseLog(alarms *slog.Logger) *slog.Logger {
	if !o.verbose {
		return slog.New(slog.DiscardHandler)
	}
	return alarms
}
