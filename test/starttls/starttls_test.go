//go:build linux

// Package starttls tests connections that begin in plain text and become TLS
// in place, with servers and clients that know nothing of this project:
// PostgreSQL, and openssl as a mail client.
package starttls

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

// script copies a script to where every user may read it.
func script(t *testing.T, name string) string {
	t.Helper()
	return ssatest.Artifact(t, name, func(out string) error {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(out, text, 0o755)
	})
}

// TestPostgreSQL upgrades a client's connection.
func TestPostgreSQL(t *testing.T) {
	ssatest.Need(t, "python3")
	client := script(t, "client.py")
	ssatest.SSA(t) // both also for the second run
	authority := ssatest.NewAuthority(t)
	port := postgres(t, authority.Issue(t, ssatest.Leaf{Names: []string{"localhost"}}))
	if port == 0 {
		return
	}
	run := ssatest.Run{Policy: ssatest.PolicyWithRoots(t, "", authority.File(t)), Verbose: true}
	const done = "protocol 205 version 0x304\nthe server says t TLSv1.3 same suite\nend b''\n"
	for mode, want := range map[string]string{
		"blocking": done, "nonblocking": "in progress\n" + done, "epoll": "in progress\n" + done,
		"wrong-name": "refused: EPROTO ",
	} {
		t.Run(mode, func(t *testing.T) {
			got := ssatest.Output(t, run.Command(t, "python3", client, fmt.Sprint(port), mode))
			if !strings.HasPrefix(got, want) {
				t.Errorf("the client printed\n%s\nwanted\n%s", got, want)
			}
		})
	}
}

// TestMailServer upgrades a server's connection.
func TestMailServer(t *testing.T) {
	ssatest.Need(t, "python3", "openssl")
	authority := ssatest.NewAuthority(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	roots := authority.File(t)
	for _, mode := range []string{"blocking", "nonblocking"} {
		t.Run(mode, func(t *testing.T) {
			server := ssatest.Run{Verbose: true}.Command(t, "python3", script(t, "server.py"),
				issued.ChainFile(t), issued.SharedKeyFile(t), mode)
			var complaints bytes.Buffer
			server.Stderr = &complaints
			out, err := server.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			port, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatalf("the server does not say its port: %v\n%s", err, complaints.String())
			}
			got := mail(t, "localhost:"+strings.TrimSpace(port), roots)
			for _, want := range []string{"250 you asked for localhost", "221 bye"} {
				if !strings.Contains(got, want) {
					t.Errorf("the client saw\n%s\nwhich lacks %q", got, want)
				}
			}
			if err := server.Wait(); err != nil {
				t.Errorf("the server ended with %v\n%s", err, complaints.String())
			}
		})
	}
}

// mail talks to a mail server through openssl, one command after the other.
func mail(t *testing.T, address, roots string) string {
	t.Helper()
	client := ssatest.Kill(t, exec.Command("openssl", "s_client", "-starttls", "smtp", "-connect",
		address, "-servername", "localhost",
		"-CAfile", roots, "-verify_hostname", "localhost", "-verify_return_error", "-quiet", "-crlf"))
	var complaints bytes.Buffer
	client.Stderr = &complaints
	in, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(in, "NOOP\nQUIT\n") //nolint:errcheck // shows in what comes back
	text, _ := io.ReadAll(out)
	in.Close()
	if err := client.Wait(); err != nil {
		t.Errorf("openssl s_client: %v\n%s", err, complaints.String())
	}
	return string(text)
}
