package main

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/policy"
)

// script writes an executable with a #! line.
func script(t *testing.T, dir, name, line string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(line+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestResolveScript(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	program := script(t, dir, "program", "\x7fELF")
	inner := script(t, dir, "inner", "#! "+program+" -x")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(inner, link); err != nil {
		t.Fatal(err)
	}
	loop := filepath.Join(dir, "loop")
	script(t, dir, "loop", "#!"+loop)
	t.Setenv("PATH", dir)
	outer := script(t, dir, "outer", "#!"+inner)
	tests := []struct {
		name, path  string
		args        []string
		exe, script string
	}{
		{"program", program, nil, program, ""},
		{"program and file", program, []string{dir}, program, ""},
		{"interpreter and script", program, []string{"-x", "", link, "y"}, program, inner},
		{"interpreter and other argument first", program, []string{"x", link}, program, ""},
		{"script", inner, nil, program, inner},
		{"script by a link", link, nil, program, inner},
		{"script of a script", outer, nil, program, inner},
		{"env", script(t, dir, "by-env", "#!/usr/bin/env -S A=b program -u"), nil, program, filepath.Join(dir, "by-env")},
		{"interpreter is not there", script(t, dir, "broken", "#!/nowhere/at/all"), nil, "", ""},
		{"endless", loop, nil, "", ""},
	}
	for _, test := range tests {
		exe, script, err := resolveScript(test.path, test.args)
		if (err != nil) != (test.exe == "") || err == nil && (exe != test.exe || script != test.script) {
			t.Errorf("%s: %q and %q (%v), want %q and %q", test.name, exe, script, err, test.exe,
				test.script)
		}
	}
}

// TestExplainProfile explains a program that a profile is for.
func TestExplainProfile(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	program := script(t, dir, "program", "\x7fELF")
	tool := script(t, dir, "tool", "#!"+program)
	file := writePolicy(t, "default:\n  versions: {max: \"1.3\"}\nprofiles:\n  - name: tool\n    match: {exe: "+program+"}\n"+
		"    versions: {min: \"1.3\"}\n    program_options: [TLS_REMOTE_HOSTNAME]\n")
	status, out, errs := ssa("explain", "--policy", file, "--", tool)
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	for _, want := range []string{
		"script    " + tool + "\nrun by    " + program, "profile   tool\n",
		"versions.min: \"1.3\"  # " + file + ":6:21",
		"versions.max: \"1.3\"  # " + file + ":2:19", "it may not set\n  TLS_VERSION_MIN, ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if _, out, _ := ssa("explain", "--policy", file, "--",
		script(t, dir, "other", "\x7fELF")); !strings.Contains(out, "profile   default\n") {
		t.Errorf("another program has a profile too:\n%s", out)
	}
}

func TestExplain(t *testing.T) {
	file := writePolicy(t, "default:\n  versions: {min: \"1.3\"}\n")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	status, out, errs := ssa("explain", "--policy", file, "--", program, "argument", "--to",
		"Example.com.:443")
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	for _, want := range []string{
		"program   " + program, "profile   default", `versions.min: "1.3"  # ` + file + ":2:19",
		"TLS_VERSION_MIN                higher", "To example.com:443\n  connections are allowed",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestExplainJSON(t *testing.T) {
	file := writePolicy(t, "default:\n  versions: {min: \"1.3\"}\n")
	program := script(t, t.TempDir(), "program", "\x7fELF")
	status, out, errs := ssa("explain", "--json", "--user", "0", "--policy", file, "--", program)
	var got explained
	if err := json.Unmarshal([]byte(out), &got); err != nil || status != 0 {
		t.Fatalf("status %d, %v: %s%s", status, err, out, errs)
	}
	if got.User != "root" || got.Profile != "default" ||
		len(got.Settings) != len(policy.Builtin().Default().Settings()) {
		t.Errorf("got %+v", got)
	}
	if got.Settings[0] != (settingRow{"versions.min", `"1.3"`, file + ":2:19"}) ||
		got.Settings[1].From != builtIn {
		t.Errorf("settings begin with %+v", got.Settings[:2])
	}
}

func TestExplainRefusals(t *testing.T) {
	program, _ := os.Executable()
	tests := []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"no such program", []string{"--", "/nowhere/at/all"}, statusNotFound, "there is no such program"},
		{"no such user", []string{"--user", "no such \x1buser", "--", program}, statusUsage, `there is no user "no such ?user"`},
		{"no port", []string{"--to", "example.com", "--", program}, statusUsage, "not a host and a port"},
		{"port 0", []string{"--to", "example.com:0", "--", program}, statusUsage, "not a host and a port"},
		{"no policy", []string{"--policy", "/nowhere/at/all", "--", program}, statusUsage, "the policy cannot be used"},
	}
	for _, test := range tests {
		status, out, errs := ssa(append([]string{"explain"}, test.args...)...)
		if status != test.status || out != "" || !strings.Contains(errs, test.want) {
			t.Errorf("%s: status %d, output %q, error %q; want %d and %q", test.name, status, out, errs, test.status, test.want)
		}
	}
}

func TestJudgeDestination(t *testing.T) {
	private := policy.Destination{Prefix: netip.MustParsePrefix("10.0.0.0/8")}
	bank := policy.Destination{Host: "bank.example", Port: 443}
	any := policy.Destination{Host: "*.example"}
	tests := []struct {
		name        string
		allow, deny []policy.Destination
		host        string
		port        uint16
		want        bool
		why         string
	}{
		{"nothing said", nil, nil, "bank.example", 443, true, "allows everyone"},
		{"allowed", []policy.Destination{bank}, nil, "bank.example", 443, true, "bank.example:443 is in peers.allow"},
		{"other port", []policy.Destination{bank}, nil, "bank.example", 80, false, "not in peers.allow"},
		{"deny wins", []policy.Destination{bank}, []policy.Destination{any}, "bank.example", 443, false, "*.example is in peers.deny"},
		{"address", []policy.Destination{private}, nil, "10.1.2.3", 443, true, "10.0.0.0/8 is in"},
		{"address outside", []policy.Destination{private}, nil, "11.1.2.3", 443, false, "not in peers.allow"},
		{"name and ranges", []policy.Destination{private}, nil, "bank.example", 443, false, "if its address"},
		{"name and ranges denied", nil, []policy.Destination{private}, "bank.example", 443, true, "must not be in those"},
	}
	for _, test := range tests {
		e := *policy.Builtin().Default()
		e.PeersAllowed, e.PeersDenied = test.allow, test.deny
		got, why := judgeDestination(&e, test.host, netip.Addr{}, test.port)
		if got != test.want || !strings.Contains(why, test.why) {
			t.Errorf("%s: %v, %q; want %v, %q", test.name, got, why, test.want, test.why)
		}
	}
}

func TestJudgePlain(t *testing.T) {
	private := policy.Destination{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Port: 80}
	upgrade := policy.Upgrade{To: netip.MustParsePrefix("10.0.0.0/8"), Port: 6379,
		Name: "redis.internal"}
	tests := []struct {
		name  string
		plain policy.PlainTCP
		host  string
		port  uint16
		want  string
	}{
		{"allowed", policy.PlainTCP{Mode: policy.PlainTCPAllow}, "bank.example", 80, "allowed"},
		{"denied", policy.PlainTCP{Mode: policy.PlainTCPDeny}, "11.0.0.1", 80, "refused"},
		{"on the list", policy.PlainTCP{Mode: policy.PlainTCPList, To: []policy.Destination{private}}, "10.0.0.1", 80, "allowed"},
		{"not on the list", policy.PlainTCP{Mode: policy.PlainTCPList, To: []policy.Destination{private}}, "10.0.0.1", 81, "refused"},
		{"name and list", policy.PlainTCP{Mode: policy.PlainTCPList, To: []policy.Destination{private}}, "bank.example", 80, "depends on the address (plain_tcp"},
		{"upgraded", policy.PlainTCP{Mode: policy.PlainTCPDeny}, "10.0.0.1", 6379, "made TLS, and the peer must prove to be redis.internal"},
		{"name and upgrade", policy.PlainTCP{Mode: policy.PlainTCPAllow}, "bank.example", 6379, "depends on the address (upgrade"},
	}
	for _, test := range tests {
		e := *policy.Builtin().Default()
		e.PlainTCP, e.Upgrade = test.plain, []policy.Upgrade{upgrade}
		if got := judgePlainTCP(&e, test.host, test.port); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
