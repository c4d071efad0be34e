// Package dashboard serves a web page that shows what the service does, to who
// has its key, on loopback alone. It asks the service with the rights of who
// started it and changes nothing: there is no request but to look. It loads
// nothing from anywhere else, and hands what the service tells on as data: the
// page puts it in place as text, never as markup, since peers choose parts of it.
package dashboard

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config says what a dashboard shows, and to whom.
type Config struct {
	// Ask asks the service for its status, with the time series or without,
	// and returns it as JSON.
	Ask func(series bool) ([]byte, error)
	// Key is what the page must know to be told anything.
	Key string
	// Address is where the page is served.
	Address netip.AddrPort
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// fresh is for how long an answer is told again, so that many pages ask the
// service as often as one.
const fresh = time.Second

// dashboard answers requests.
type dashboard struct {
	cfg Config

	mu    sync.Mutex
	known map[bool]answer // by whether it has the time series
}

type answer struct {
	at   time.Time
	json []byte
	err  error
}

// Handler returns what serves the page.
func Handler(cfg Config) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &dashboard{cfg: cfg, known: map[bool]answer{}}
	mux := http.NewServeMux()
	addFiles(mux)
	mux.HandleFunc("GET /status.json", d.status)
	return guard(cfg.Address.Port(), mux)
}

// status tells the status to who has the key. The page sends it in a header:
// a cookie would go to every server on loopback, whosever that is.
func (d *dashboard) status(w http.ResponseWriter, r *http.Request) {
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if d.cfg.Key == "" || subtle.ConstantTimeCompare([]byte(key), []byte(d.cfg.Key)) != 1 {
		w.Header().Set("WWW-Authenticate", `Bearer realm="ssa dashboard"`)
		problem(w, http.StatusUnauthorized, "this page has no key, or an old one: open the address that `ssa dashboard` printed")
		return
	}
	a := d.ask(r.URL.Query().Get("series") == "1")
	if a.err != nil {
		problem(w, http.StatusServiceUnavailable, a.err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(a.json)))
	_, _ = w.Write(a.json) // the reader has gone
}

// ask asks the service, one request at a time.
func (d *dashboard) ask(series bool) answer {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a, known := d.known[series]; known {
		if age := d.cfg.Now().Sub(a.at); age >= 0 && age < fresh {
			return a
		}
	}
	var a answer
	a.json, a.err = d.cfg.Ask(series)
	a.at = d.cfg.Now()
	d.known[series] = a
	return a
}

// problem tells the page why it cannot be shown anything.
func problem(w http.ResponseWriter, status int, sentence string) {
	body, err := json.Marshal(map[string]string{"problem": sentence})
	if err != nil {
		http.Error(w, "the problem cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the reader has gone
}
