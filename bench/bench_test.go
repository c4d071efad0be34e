//go:build linux

package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/bench/report"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestEveryRowRuns runs all of it with tiny counts. What comes out is whole and
// well-formed; what the figures are is not looked at.
func TestEveryRowRuns(t *testing.T) {
	ssatest.Need(t, "cc", "openssl")
	for _, tool := range []string{"nginx", "stunnel", "hitch", "haproxy"} {
		if _, err := lookTool(tool); err != nil {
			ssatest.Missing(t, err.Error())
		}
	}
	if _, err := os.Stat("/usr/include/openssl/ssl.h"); err != nil {
		ssatest.Missing(t, "the headers of OpenSSL")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	dir := t.TempDir()
	o := options{rounds: 2, mode: "both", quick: true, out: dir}
	var table strings.Builder
	if err := o.run(ctx, &table); err != nil {
		t.Fatalf("%v\n%s", err, table.String())
	}
	text, err := os.ReadFile(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var found report.Report
	if err := json.Unmarshal(text, &found); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	want := rows(true)
	if len(found.Rows) != len(want) {
		t.Fatalf("%d rows of %d\n%s", len(found.Rows), len(want), table.String())
	}
	for i, row := range found.Rows {
		if row.Name != want[i].Name {
			t.Errorf("row %d is %s, not %s", i, row.Name, want[i].Name)
		}
		checkRow(t, row)
		if info, err := os.Stat(filepath.Join(dir, row.Name+".svg")); err != nil || info.Size() == 0 {
			t.Errorf("%s has no drawing: %v", row.Name, err)
		}
		if !strings.Contains(table.String(), row.Title) {
			t.Errorf("%s is not in the table:\n%s", row.Name, table.String())
		}
	}
}

func checkRow(t *testing.T, row *report.Row) {
	t.Helper()
	if len(row.Results) < 2 {
		t.Errorf("%s compares nothing: %d contenders", row.Name, len(row.Results))
	}
	for _, result := range row.Results {
		if len(result.Samples) != 2 {
			t.Errorf("%s: %s has %d samples of 2", row.Name, result.Name, len(result.Samples))
		}
		for _, s := range result.Samples {
			if _, ok := s.Values[row.Metrics[0]]; !ok {
				t.Errorf("%s: %s has no %s: %v", row.Name, result.Name, row.Metrics[0], s.Values)
			}
		}
	}
	if len(row.Goals) == 0 && row.Name != "runs" {
		t.Errorf("%s has no goal", row.Name)
	}
	for _, g := range row.Goals {
		// So few connections may need no memory and no tick of processor time.
		if g.Missing != "" && row.Name != "idle" && g.Metric != "per_cpu_second" {
			t.Errorf("%s: %s could not be judged: %s", row.Name, g.Text, g.Missing)
		}
	}
}

func TestChoose(t *testing.T) {
	for only, want := range map[string]string{
		"ping":        "ping",
		"bulk-send":   "bulk-send-1 bulk-send-100",
		"bulk-client": "bulk-client-receive bulk-client-send",
		"start,short": "short start",
		"none":        "",
	} {
		o := options{only: only}
		var names []string
		for _, r := range o.choose(rows(false)) {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s chooses %q, not %q", only, got, want)
		}
	}
}
