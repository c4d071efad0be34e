// Package docs_test proves that the pages for administrators say what the code
// does. It holds no other code.
package docs_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/policy"
)

var update = flag.Bool("update", false, "write what the code says into policy.md")

// TestPolicyKeys compares the table of keys with the code: which keys there
// are, in which order, their built-in values and the options that change them.
func TestPolicyKeys(t *testing.T) {
	page, err := os.ReadFile("policy.md")
	if err != nil {
		t.Fatal(err)
	}
	before, table, ok := strings.Cut(string(page), "| key | values | built-in | options | meaning |\n| --- | --- | --- | --- | --- |\n")
	if !ok {
		t.Fatal("policy.md has no table of keys")
	}
	var fresh strings.Builder
	settings := policy.Builtin().Default().Settings()
	rows := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	for i := range max(len(rows), len(settings)) {
		if i >= len(rows) || i >= len(settings) {
			t.Fatalf("the table has %d rows, and there are %d keys", len(rows), len(settings))
		}
		cells := strings.Split(rows[i], " | ")
		if len(cells) != 5 {
			t.Fatalf("row %d has %d cells: %s", i+1, len(cells), rows[i])
		}
		want := fmt.Sprintf("| %s | %s | %s | %s | %s", "`"+settings[i].Key+"`", cells[1],
			"`"+short(settings[i].Value)+"`", options(settings[i].Key), cells[4])
		if rows[i] != want && !*update {
			t.Errorf("row %d is\n\t%s\nwant\n\t%s\n(go test ./docs -update writes it)", i+1, rows[i], want)
		}
		fresh.WriteString(want + "\n")
		if !strings.HasPrefix(cells[0], "| `"+settings[i].Key+"`") {
			t.Fatalf("row %d is about %s, and the key is %s", i+1, cells[0], settings[i].Key)
		}
	}
	if *update {
		text := strings.TrimSuffix(string(page), table)
		if err := os.WriteFile("policy.md", []byte(text+fresh.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if before == "" {
		t.Error("the table stands alone")
	}
}

// short shows a long list by its first item.
func short(value string) string {
	const longest = 40
	first, _, ok := strings.Cut(value, ", ")
	if len(value) <= longest || !ok {
		return value
	}
	return first + ", ...]"
}

// options lists the socket options that change a key.
func options(key string) string {
	var names []string
	for _, rule := range policy.Rules() {
		if name := "`" + rule.Option.String() + "`"; rule.Key == key && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if names == nil {
		return "-"
	}
	return strings.Join(names, " ")
}
