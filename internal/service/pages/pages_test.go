package pages

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// serve answers every request with its path, but those for /wait, which wait
// until the end of the test.
func serve(t *testing.T, most int) (address string, waiting chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waiting = make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				waiting <- struct{}{}
				<-ctx.Done()
			}
			_, _ = io.WriteString(w, r.URL.Path)
		}), most)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return l.Addr().String(), waiting
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func get(t *testing.T, address string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + address + "/page")
	if err != nil {
		t.Fatalf("somebody who asks is not answered: %v", err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "/page" {
		t.Errorf("the answer is %q, %v", body, err)
	}
}

// TestIdleMakeRoom: connections on which nobody asks keep nobody out, and those
// that wait for an answer stay.
func TestIdleMakeRoom(t *testing.T) {
	ssatest.NoLeaks(t)
	address, waiting := serve(t, 4)
	asking := dial(t, address)
	if _, err := io.WriteString(asking, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-waiting
	idle := make([]net.Conn, 12)
	for i := range idle {
		idle[i] = dial(t, address)
	}
	get(t, address)
	// Those that had to go read an end; the last ones are there still.
	if n, err := idle[0].Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the connection that waited for longest is open: %d, %v", n, err)
	}
	if _, err := io.WriteString(idle[11], "GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(idle[11]); err != nil || len(answer) == 0 {
		t.Errorf("the last of those that waited is answered %q, %v", answer, err)
	}
}

// TestOldestMakesRoom: where all have asked, the oldest goes.
func TestOldestMakesRoom(t *testing.T) {
	ssatest.NoLeaks(t)
	address, waiting := serve(t, 2)
	var asking [2]net.Conn
	for i := range asking {
		asking[i] = dial(t, address)
		if _, err := io.WriteString(asking[i], "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-waiting
	}
	get(t, address)
	if n, err := asking[0].Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the oldest is open: %d, %v", n, err)
	}
}
