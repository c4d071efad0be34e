package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/probe"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// tlsPeer answers handshakes until the test ends, and returns its port.
func tlsPeer(t *testing.T, config *tls.Config) string {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { listener.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestProbe(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"peer.example"},
		IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
	port := tlsPeer(t,
		&tls.Config{Certificates: []tls.Certificate{issued.TLS}, MaxVersion: tls.VersionTLS12})
	trusting := fmt.Sprintf("default:\n  trust: {roots: [%s]}\n", authority.File(t))
	good, strict := writePolicy(t, trusting), writePolicy(t, trusting+"  versions: {min: \"1.3\"}\n")
	tests := []struct {
		name   string
		args   []string
		status int
		want   []string
	}{
		{"by address", []string{"--policy", good}, 0, []string{"127.0.0.1 at 127.0.0.1:" + port + ", under the profile default: accepted", "version       TLS 1.2"}},
		{"by name", []string{"--policy", good, "--servername", "peer.example"}, 0, []string{"peer.example at", "accepted as peer.example", "pin        sha256/"}},
		{"strict", []string{"--policy", strict}, 1, []string{": refused", "versions.min: \"1.3\"  # " + strict + ":3:19", "peer must     support TLS 1.3"}},
		{"other name", []string{"--policy", good, "--servername", "other.example"}, 1, []string{"is for peer.example, 127.0.0.1, not for other.example"}},
		{"untrusted", []string{"--policy", writePolicy(t, "")}, 1, []string{"trust.roots: [\"system\"]  # built-in"}},
	}
	for _, test := range tests {
		status, out, errs := ssa(append(append([]string{"probe"}, test.args...), "127.0.0.1:"+port)...)
		if status != test.status || errs != "" {
			t.Errorf("%s: status %d, want %d; %s", test.name, status, test.status, errs)
		}
		for _, want := range test.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", test.name, want, out)
			}
		}
	}

	_, out, _ := ssa("probe", "--json", "--policy", strict, "127.0.0.1:"+port)
	var report probe.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Accepted ||
		report.Refusal.Rules[0].Key != "versions.min" {
		t.Errorf("%v in\n%s", err, out)
	}
}

func TestProbeUsage(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	listener.Close()
	tests := []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"no port", []string{"example.com"}, statusUsage, "not a host and a port"},
		{"no time", []string{"--timeout", "0s", "127.0.0.1:1"}, statusUsage, "--timeout"},
		{"user alone", []string{"--user", "root", "127.0.0.1:1"}, statusUsage, "--user needs --program"},
		{"not allowed", []string{"--policy", writePolicy(t, "default: {peers: {allow: [bank.example]}}"), "127.0.0.1:1"}, 1, "it is not in peers.allow"},
		{"denied by address", []string{"--policy", writePolicy(t, "default: {peers: {deny: [127.0.0.0/8]}}"), "--servername", "bank.example", "127.0.0.1:1"}, 1, "127.0.0.0/8 is in peers.deny"},
		{"nobody there", []string{closed}, 1, "no connection to " + closed},
	}
	for _, test := range tests {
		status, out, errs := ssa(append([]string{"probe"}, test.args...)...)
		if status != test.status || out != "" || !strings.Contains(errs, test.want) {
			t.Errorf("%s: status %d, output %q, error %q; want %d and %q", test.name, status, out, errs, test.status, test.want)
		}
	}
}
