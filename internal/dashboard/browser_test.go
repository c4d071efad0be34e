//go:build linux

package dashboard_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// browser is a headless Chromium, spoken to by its DevTools protocol over a
// pipe: JSON with a zero byte behind each message.
type browser struct {
	t       *testing.T
	to      *os.File
	session string

	mu       sync.Mutex
	last     int
	waiting  map[int]chan message
	problems []string // what the page's console and log say
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// patience is how long anything of a browser may take.
const patience = time.Minute

func startBrowser(t *testing.T) *browser {
	t.Helper()
	ssatest.Need(t, "chromium")
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// The tests load nothing but our own page; as root there is no sandbox.
	cmd := ssatest.Kill(t, exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir()))
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, to: ourOut, waiting: map[int]chan message{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.read(bufio.NewReader(ourIn))
	}()
	t.Cleanup(func() {
		_, _ = b.try("Browser.close", nil) // then it has gone
		_ = cmd.Wait()
		ourOut.Close()
		<-done
		ourIn.Close()
	})
	return b
}

func (b *browser) read(from *bufio.Reader) {
	for {
		text, err := from.ReadString(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal([]byte(strings.TrimSuffix(text, "\x00")), &m) != nil {
			continue
		}
		b.mu.Lock()
		switch answer := b.waiting[m.ID]; {
		case answer != nil:
			delete(b.waiting, m.ID)
			answer <- m
		case m.Method == "Runtime.consoleAPICalled", m.Method == "Runtime.exceptionThrown", m.Method == "Log.entryAdded":
			b.problems = append(b.problems, string(m.Params))
		}
		b.mu.Unlock()
	}
}

// try calls a method of the protocol.
func (b *browser) try(method string, params any) (message, bool) {
	b.mu.Lock()
	b.last++
	answer := make(chan message, 1)
	b.waiting[b.last] = answer
	call := map[string]any{"id": b.last, "method": method, "params": params}
	if params == nil {
		call["params"] = map[string]any{}
	}
	if b.session != "" && method != "Browser.close" {
		call["sessionId"] = b.session
	}
	text, err := json.Marshal(call)
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return message{}, false
	}
	select {
	case m := <-answer:
		return m, m.Error == nil
	case <-time.After(patience):
		return message{}, false
	}
}

// call is try that must succeed, with its result put into to.
func (b *browser) call(method string, params, to any) {
	b.t.Helper()
	m, ok := b.try(method, params)
	if !ok {
		b.t.Fatalf("%s: no answer of the browser, or an error: %+v", method, m.Error)
	}
	if to != nil {
		if err := json.Unmarshal(m.Result, to); err != nil {
			b.t.Fatalf("%s: %v: %s", method, err, m.Result)
		}
	}
}

// open opens a page in a tab.
func (b *browser) open(url string) {
	b.t.Helper()
	var target struct {
		TargetID string `json:"targetId"`
	}
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.mu.Lock()
	b.session = attached.SessionID
	b.mu.Unlock()
	for _, domain := range []string{"Runtime", "Log", "Page"} {
		b.call(domain+".enable", nil, nil)
	}
	b.call("Page.navigate", map[string]any{"url": url}, nil)
}

// eval returns the text that an expression of the page has.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	var got struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	b.call("Runtime.evaluate", map[string]any{"expression": "String(" + expression + ")", "returnByValue": true}, &got)
	if got.Exception != nil {
		b.t.Fatalf("%s: %s", expression, got.Exception)
	}
	text, _ := got.Result.Value.(string)
	return text
}

// await waits until an expression of the page is true.
func (b *browser) await(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if b.eval(expression) == "true" {
			return
		}
	}
	b.t.Fatalf("%s is not so; the page says %q, its console %v", expression, b.eval("document.body && document.body.innerText"), b.problems)
}
