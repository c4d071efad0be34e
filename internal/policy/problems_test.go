package policy

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/secure-socket-api/ssa/abi"
)

var update = flag.Bool("update", false, "write the expected messages anew")

// TestProblems loads each file of testdata/problems and compares all messages
// with the .txt file beside it.
func TestProblems(t *testing.T) {
	names, err := filepath.Glob("testdata/problems/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			l := testLoader(fstest.MapFS{
				"bad.pem":          {Data: []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")},
				"key.pem":          {Data: []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")},
				"empty/sub/x":      {},
				"ticket.key":       {Data: []byte(testSecret)},
				"short.key":        {Data: []byte(testSecret[:31])},
				"same.key":         {Data: []byte(strings.Repeat("a", 40))},
				"lines":            {Data: []byte("one\ntwo\n")},
				"etc/ssa/cert.pem": {Data: []byte("no PEM here")},
			})
			l.decode("/etc/ssa/policy.yaml", data)
			p, err := l.finish()
			var problems *Error
			if p != nil || !errors.As(err, &problems) {
				t.Fatalf("got policy %v and error %v, want problems only", p, err)
			}
			text := strings.ReplaceAll(err.Error(), strings.Join(settableOptions(), ", "), "(every option)")
			golden(t, strings.TrimSuffix(name, ".yaml")+".txt", text+"\n")
		})
	}
}

// settableOptions are the names that program_options may have: a new one changes
// no message but the list.
func settableOptions() []string {
	var names []string
	for _, o := range abi.Options {
		if o.Set != abi.Never {
			names = append(names, o.Name)
		}
	}
	return names
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("messages differ from %s (rewrite with -update)\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

func TestManyProblemsAreBounded(t *testing.T) {
	_, err := parseAll("default:\n" + manyLines("  key%d: 1\n", 50000))
	var problems *Error
	if !errors.As(err, &problems) || len(problems.Problems) != maxProblems {
		t.Fatalf("got %v, want %d problems", err, maxProblems)
	}
}
