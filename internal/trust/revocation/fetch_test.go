package revocation

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestFetch(t *testing.T) {
	const most = 1000
	block := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // an empty one fails the test below
		w.Write(append([]byte(r.Method+" "), body...))
	})
	mux.HandleFunc("/large",
		func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, most+1)) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for range 100 {
			w.Write(make([]byte, most))
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/absent", http.NotFound)
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-block:
		case <-r.Context().Done():
		}
	})
	mux.Handle("/moved", http.RedirectHandler("/ok", http.StatusFound))
	mux.Handle("/https", http.RedirectHandler("https://127.0.0.1/", http.StatusFound))
	mux.Handle("/file", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	server := httptest.NewServer(mux)
	defer server.Close()
	defer close(block)
	f := newFetcher()
	for _, test := range []struct {
		url, want, err string
		body           []byte
		public         bool
	}{
		{url: server.URL + "/ok", want: "GET "},
		{url: server.URL + "/ok", body: []byte("question"), want: "POST question"},
		{url: server.URL + "/moved", want: "GET "},
		{url: server.URL + "/ok", public: true, err: "127.0.0.1 is not a public address"},
		{url: strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/ok", public: true, err: "is not a public address"},
		{url: server.URL + "/large", err: "it has 1001 bytes, more than 1000"},
		{url: server.URL + "/endless", err: "it has more than 1000 bytes"},
		{url: server.URL + "/absent", err: "HTTP status 404"},
		{url: server.URL + "/https", err: `only http is fetched, not "https"`},
		{url: server.URL + "/file", err: `only http is fetched, not "file"`},
		{url: server.URL + "/round", err: "more than 3 redirects"},
		{url: "https://ca.example/", err: `only http is fetched, not "https"`},
		{url: "ldap://ca.example/", err: `only http is fetched, not "ldap"`},
		{url: "http://user@ca.example/", err: "the address is malformed"},
		{url: "http://%zz/", err: "the address is malformed"},
		{url: "http:", err: "the address is malformed"},
	} {
		got, err := f.fetch(t.Context(), request{url: test.url, body: test.body, most: most,
			anywhere: !test.public})
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) || got != nil {
				t.Errorf("%s: got %q and error %v, want an error with %q", test.url, got, err, test.err)
			}
			continue
		}
		if err != nil || !bytes.Equal(got, []byte(test.want)) {
			t.Errorf("%s: got %q and error %v, want %q", test.url, got, err, test.want)
		}
	}
	short, cancel := context.WithDeadline(t.Context(), time.Now().Add(10*time.Millisecond))
	defer cancel()
	if _, err := f.fetch(short, request{url: server.URL + "/slow", most: most,
		anywhere: true}); err == nil ||
		!strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("a responder without an answer gives %v", err)
	}
}
