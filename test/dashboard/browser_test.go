//go:build linux

package dashboard

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// patience is how long the browser may take for one step. Nothing is concluded
// from time passing, other than that the test has failed.
const patience = 60 * time.Second

// browser is a Chromium without a window. It is told what to do in the DevTools
// protocol, over two pipes: JSON, each message with a zero byte behind it.
type browser struct {
	t      testing.TB
	stderr bytes.Buffer

	mu      sync.Mutex
	to      *os.File
	last    int
	waiting map[int]chan reply
	pages   map[string]*page // by session
}

type reply struct {
	ID        int             `json:"id"`
	SessionID string          `json:"sessionId"`
	Method    string          `json:"method"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// page is a tab.
type page struct {
	*browser
	session  string
	problems []string // guarded by browser.mu
}

// startBrowser starts a browser that ends with the test.
func startBrowser(t testing.TB) *browser {
	t.Helper()
	ssatest.Need(t, "chromium")
	theirs, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile := t.TempDir()
	// The tests load nothing but our own page. As root, and on machines without
	// user namespaces, there is no sandbox.
	args := []string{"--headless=new", "--no-sandbox", "--remote-debugging-pipe",
		"--user-data-dir=" + profile, "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-extensions",
		"--no-proxy-server", "--log-level=3", "--hide-scrollbars", "about:blank"}
	b := &browser{t: t, to: to, waiting: map[int]chan reply{}, pages: map[string]*page{}}
	cmd := ssatest.Kill(t, exec.Command("chromium", args...))
	cmd.Stderr, cmd.ExtraFiles = &b.stderr, []*os.File{theirs, theirOut}
	cmd.Env = append(os.Environ(), "HOME="+profile, "XDG_CONFIG_HOME="+profile,
		"XDG_CACHE_HOME="+profile)
	if err := cmd.Start(); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	theirs.Close()
	theirOut.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.listen(from)
	}()
	t.Cleanup(func() { // before the folder is removed
		b.call("", "Browser.close", nil, nil)
		to.Close()
		<-done
		from.Close()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("chromium said:\n%s", b.stderr.String())
		}
	})
	return b
}

// listen takes in what the browser tells until it has ended.
func (b *browser) listen(from *os.File) {
	in := bufio.NewReader(from)
	for {
		text, err := in.ReadBytes(0)
		if err != nil {
			break
		}
		var r reply
		if err := json.Unmarshal(text[:len(text)-1], &r); err != nil {
			b.t.Errorf("chromium writes %.200s: %v", text, err)
			break
		}
		b.mu.Lock()
		if r.ID != 0 {
			if c := b.waiting[r.ID]; c != nil {
				c <- r
				delete(b.waiting, r.ID)
			}
		} else if p := b.pages[r.SessionID]; p != nil {
			p.note(r)
		}
		b.mu.Unlock()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, c := range b.waiting {
		close(c)
		delete(b.waiting, id)
	}
}

// note keeps what a page complains of: browser.mu is held.
func (p *page) note(r reply) {
	switch r.Method {
	case "Runtime.exceptionThrown", "Page.javascriptDialogOpening":
		p.problems = append(p.problems, r.Method+" "+string(r.Params))
	case "Runtime.consoleAPICalled", "Log.entryAdded":
		if strings.Contains(string(r.Params), `"error"`) ||
			strings.Contains(string(r.Params), `"warning"`) {
			p.problems = append(p.problems, r.Method+" "+string(r.Params))
		}
	}
}

// call makes a call and waits for its result.
func (b *browser) call(session, method string, params map[string]any, result any) error {
	if params == nil {
		params = map[string]any{}
	}
	answer := make(chan reply, 1)
	b.mu.Lock()
	b.last++
	id := b.last
	b.waiting[id] = answer
	message := map[string]any{"id": id, "method": method, "params": params}
	if session != "" {
		message["sessionId"] = session
	}
	text, err := json.Marshal(message)
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case r, ok := <-answer:
		switch {
		case !ok:
			return fmt.Errorf("%s: chromium has ended", method)
		case r.Error != nil:
			return fmt.Errorf("%s: %s", method, r.Error.Message)
		case result != nil:
			return json.Unmarshal(r.Result, result)
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s: chromium does not answer", method)
	}
}

func (p *page) do(method string, params map[string]any, result any) {
	p.t.Helper()
	if err := p.call(p.session, method, params, result); err != nil {
		p.t.Fatal(err)
	}
}

// open opens a page of a size, in a scheme of colours.
func (b *browser) open(url string, width, height int, scheme string) *page {
	b.t.Helper()
	p := &page{browser: b}
	var target struct {
		TargetID string `json:"targetId"`
	}
	if err := b.call("", "Target.createTarget", map[string]any{"url": "about:blank"},
		&target); err != nil {
		b.t.Fatal(err)
	}
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	if err := b.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID,
		"flatten": true}, &attached); err != nil {
		b.t.Fatal(err)
	}
	p.session = attached.SessionID
	b.mu.Lock()
	b.pages[p.session] = p
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		p.do(domain+".enable", nil, nil)
	}
	p.look(width, height, scheme)
	p.do("Page.navigate", map[string]any{"url": url}, nil)
	return p
}

// look changes the size and the colours.
func (p *page) look(width, height int, scheme string) {
	p.t.Helper()
	p.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height,
		"deviceScaleFactor": 1, "mobile": width < 600}, nil)
	p.do("Emulation.setEmulatedMedia",
		map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme",
			"value": scheme}}}, nil)
}

// eval evaluates JavaScript, which may be a promise, and returns its value.
func eval[T any](p *page, code string) T {
	p.t.Helper()
	var r struct {
		Result struct {
			Value T `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	p.do("Runtime.evaluate", map[string]any{"expression": code, "returnByValue": true,
		"awaitPromise": true}, &r)
	if r.Exception != nil {
		p.t.Fatalf("%s: %s", code, r.Exception)
	}
	return r.Result.Value
}

// await waits until an expression is true.
func (p *page) await(code string) {
	p.t.Helper()
	for end := time.Now().Add(patience); !eval[bool](p,
		"Boolean("+code+")"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("this does not become true: %s\nthe page shows:\n%s\ncomplaints: %q", code, eval[string](p, "document.body.innerText"), p.complaints())
		}
	}
}

// keyCodes are the keys that are pressed.
var keyCodes = map[string]int{"Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37,
	"ArrowRight": 39}

// press presses a key.
func (p *page) press(key string) {
	p.t.Helper()
	down := map[string]any{"type": "rawKeyDown", "key": key, "code": key,
		"windowsVirtualKeyCode": keyCodes[key]}
	if key == "Enter" {
		down["type"], down["text"] = "keyDown", "\r" // what a button takes
	}
	p.do("Input.dispatchKeyEvent", down, nil)
	p.do("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key,
		"windowsVirtualKeyCode": keyCodes[key]}, nil)
}

// complaints are the errors and warnings of the page so far.
func (p *page) complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.problems...)
}

// screenshot writes a picture of the page, or of what of it is in view, into
// the folder that SSA_TEST_SCREENSHOTS names, if it does.
func (p *page) screenshot(name string, whole bool) {
	p.t.Helper()
	dir := os.Getenv("SSA_TEST_SCREENSHOTS")
	if dir == "" || ssatest.Ordinary() {
		return
	}
	var shot struct {
		Data string `json:"data"`
	}
	p.do("Page.captureScreenshot", map[string]any{"captureBeyondViewport": whole}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), data, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
