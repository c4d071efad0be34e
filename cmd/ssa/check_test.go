package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// ssa runs the command line in this process.
func ssa(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = execute(args, &out, &errs)
	return status, out.String(), errs.String()
}

func writePolicy(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name, policy string
		status       int
		want         []string // parts of standard output; FILE is the policy's path
	}{
		{"right", "default:\n  versions: {min: \"1.3\"}\n", 0, []string{"the policy is valid: read FILE; no warnings, no profiles"}},
		{"empty", "", 0, []string{"the policy is valid"}},
		{"misspelt", "default:\n  version: {min: \"1.3\"}\n", 1,
			[]string{"FILE:2:3: unknown key \"version\"", "did you mean versions?", "the policy cannot be used: read FILE; 1 problem\n"}},
		{"two problems", "default:\n  versions: {min: \"1.9\"}\n  cipher_suites: []\n", 1,
			[]string{"FILE:2:19: ", "FILE:3:18: ", "2 problems"}},
		{"control characters", "default:\n  \"ver\\e[31msions\": 1\n", 1, []string{"FILE:2:3: "}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := writePolicy(t, test.policy)
			status, out, errs := ssa("check", file)
			if status != test.status || errs != "" {
				t.Errorf("status %d, want %d; standard error %q", status, test.status, errs)
			}
			for _, want := range test.want {
				if want = strings.ReplaceAll(want, "FILE", file); !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if strings.ContainsRune(out, '\x1b') {
				t.Errorf("an escape reaches the terminal: %q", out)
			}
		})
	}
}

func TestCheckUnreadable(t *testing.T) {
	status, out, errs := ssa("check", filepath.Join(t.TempDir(), "none.yaml"))
	if status != statusUnreadable || out != "" ||
		!strings.Contains(errs, "ssa: error: read the policy") {
		t.Errorf("status %d, output %q, error %q; want %d and a sentence on standard error", status, out, errs, statusUnreadable)
	}
}

func TestCheckJSON(t *testing.T) {
	file := writePolicy(t, "default:\n  versions: {min: \"1.1\"}\n")
	status, out, _ := ssa("check", "--json", file)
	var got checked
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if status != 1 || got.OK || len(got.Problems) != 1 || got.Problems[0].File != file ||
		got.Problems[0].Line != 2 || got.Files[0] != file {
		t.Errorf("status %d, %+v; want one problem in line 2 of %s", status, got, file)
	}
}

// TestSystemFiles compares the files listed with those that are read.
func TestSystemFiles(t *testing.T) {
	root := t.TempDir()
	folder := filepath.Join(root, "etc", "ssa", "policy.d")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := systemFiles(root); got != nil {
		t.Errorf("without files: %v", got)
	}
	wrong := []byte("defualt: {}\n")
	for _, name := range []string{"../policy.yaml", "10-a.yaml", "20-b.yaml", ".hidden.yaml",
		"note.txt"} {
		if err := os.WriteFile(filepath.Join(folder, name), wrong, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	result, err := check(systemFiles(root),
		func() (*policy.Policy, error) { return policy.LoadSystem(root) })
	if err != nil {
		t.Fatal(err)
	}
	var read []string // each file that is read has one problem
	for _, p := range result.Problems {
		read = append(read, p.File)
	}
	slices.Sort(read)
	if want := strings.Join(slices.Sorted(slices.Values(result.Files)),
		"\n"); want != strings.Join(read, "\n") || len(read) != 3 {
		t.Errorf("listed\n%s\nread\n%s", want, strings.Join(read, "\n"))
	}
}

func TestCheckFromCryptoPolicies(t *testing.T) {
	file := filepath.Join(t.TempDir(), "opensslcnf.config")
	if err := os.WriteFile(file, []byte("CipherString = @SECLEVEL=3:kEECDH\nTLS.MinProtocol = TLSv1.2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errs := ssa("check", "--from-crypto-policies", file)
	if status != 0 || errs != "" || !strings.Contains(out, "min: \"1.2\"  # "+file+":2\n") {
		t.Fatalf("status %d, error %q, output\n%s", status, errs, out)
	}
	if status, out, _ := ssa("check", writePolicy(t, out)); status != 0 {
		t.Errorf("the proposal is not right:\n%s", out)
	}
	for _, args := range [][]string{{file}, {"--json"}} {
		if status, out, _ := ssa(append([]string{"check", "--from-crypto-policies", file},
			args...)...); status != statusUsage || out != "" {
			t.Errorf("with %v: status %d and %q, want %d and nothing", args, status, out, statusUsage)
		}
	}
	if status, _, errs := ssa("check", "--from-crypto-policies",
		file+".none"); status != statusUnreadable || !strings.Contains(errs, "no such file") {
		t.Errorf("no file: status %d, %q", status, errs)
	}
}

func TestCheckRevocationLists(t *testing.T) {
	root := ssatest.NewAuthority(t)
	old := filepath.Join(t.TempDir(), "old.crl")
	list := root.RevocationList(t, ssatest.RevocationList{From: time.Now().Add(-2 * time.Hour),
		To: time.Now().Add(-time.Hour)})
	if err := os.WriteFile(old, list, 0o644); err != nil {
		t.Fatal(err)
	}
	garbage := writePolicy(t, "no list")
	file := writePolicy(t, "default: {trust: {revocation: prefer, crl_files: ["+old+", "+garbage+"]}}\n")
	status, out, _ := ssa("check", file)
	for _, want := range []string{file + ":1:", old + " counts only for those that it names: it expired on",
		garbage + " cannot be used: it is malformed"} {
		if !strings.Contains(out, want) || status != 0 {
			t.Errorf("status %d, no %q in\n%s", status, want, out)
		}
	}
}
