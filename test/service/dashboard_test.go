//go:build linux

package service

import (
	"bufio"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestDashboard: the page has what the service tells the user who starts it.
func TestDashboard(t *testing.T) {
	w := newWorld(t)
	w.service(t)
	cmd := ssatest.Kill(t, exec.Command(ssatest.SSA(t), "dashboard", "--socket", w.socket, "--listen", "127.0.0.1:0"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url = strings.TrimSpace(url)
	for path, want := range map[string]string{"": "<title>ssa</title>", "status.json": `"identity":"www"`} {
		response, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%q: %d, %v, %s", path, response.StatusCode, err, body)
		}
	}
}
