//go:build linux

package dashboard

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// wantQuiet fails the test when the page has complained, or a name has become
// more than text.
func (p *page) wantQuiet() {
	p.t.Helper()
	if got := p.complaints(); len(got) > 0 {
		p.t.Errorf("the page complains:\n%s", strings.Join(got, "\n"))
	}
	if got := eval[int](p, `document.querySelectorAll('img:not([src="icon.svg"]), script:not([src="app.js"])').length`); got != 0 || eval[bool](p, `'hit' in window`) {
		p.t.Errorf("names of others became %d elements", got)
	}
}

// TestPage: what is told is shown, in every size and colour, and as text.
func TestPage(t *testing.T) {
	s := serve(t)
	s.set(busy())
	b := startBrowser(t)
	p := b.open(s.url, 1280, 900, "light")
	p.await(`document.querySelectorAll('#connections tbody tr').length === 40`)
	for _, want := range []string{"18,234", "71\u00a0%", "81.2\u00a0GB", "18446744073709551615",
		"www.example", "old.example expired on 2020-01-01", evil,
		"TLS_CHACHA20_POLY1305_SHA256", "all users", "31 network, 4 timed-out", "expired", "12d 0h"} {
		if !eval[bool](p, fmt.Sprintf("document.body.textContent.includes(%q)", want)) {
			t.Errorf("the page does not show %q:\n%s", want, eval[string](p, "document.body.innerText"))
		}
	}
	if got := eval[string](p, "location.href"); strings.Contains(got, "key") {
		t.Errorf("the key stays in the address: %s", got)
	}
	for _, chart := range []string{"open", "versions", "suites", "bytes", "resumed", "troubles"} {
		marks := fmt.Sprintf(`Array.from(document.querySelectorAll('#%s path')).map((x) => x.getAttribute('d').split(/[ML]/).length)`, chart)
		if got := eval[[]int](p, marks); len(got) == 0 || got[0] < 300 {
			t.Errorf("chart %s has curves of %v points", chart, got)
		}
	}
	p.wantQuiet()
	for _, look := range []struct {
		width, height int
		scheme        string
		back          string
	}{{1280, 900, "light", "rgb(244, 246, 248)"}, {1280, 900, "dark", "rgb(17, 22, 28)"},
		{1265, 900, "light", "rgb(244, 246, 248)"}, {1255, 900, "light", "rgb(244, 246, 248)"}, {1005, 900, "light", "rgb(244, 246, 248)"}, {760, 900, "light", "rgb(244, 246, 248)"},
		{400, 800, "dark", "rgb(17, 22, 28)"}, {400, 800, "light", "rgb(244, 246, 248)"},
		{320, 600, "light", "rgb(244, 246, 248)"}} {
		p.look(look.width, look.height, look.scheme)
		p.await(fmt.Sprintf(`innerWidth === %d && getComputedStyle(document.documentElement).backgroundColor === %q`, look.width, look.back))
		eval[bool](p, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
		if got := eval[int](p, `document.documentElement.scrollWidth`); got > look.width {
			t.Errorf("at a width of %d the page is %d wide: %s", look.width, got,
				eval[string](p, fmt.Sprintf(
					`Array.from(document.querySelectorAll('*')).filter((e) => e.getBoundingClientRect().right > %d).map((e) => e.tagName + '.' + e.className).slice(0, 9).join(' ')`, look.width)))
		}
		if got := eval[[]string](p, `Array.from(document.querySelectorAll('.scroll, .month, .legend, #tiles > div')).filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.ariaLabel + ' ' + e.innerText)`); len(got) > 0 {
			t.Errorf("at a width of %d these are wider than their place: %q", look.width, got)
		}
		p.screenshot(fmt.Sprintf("busy-%d-%s", look.width, look.scheme), true)
		eval[bool](p, `(document.querySelector('#connections').scrollIntoView(), true)`)
		p.screenshot(fmt.Sprintf("rows-%d-%s", look.width, look.scheme), false)
	}
	p.wantQuiet()
}

// TestHands: charts are read with a pointer and with keys, connections sorted
// and filtered.
func TestHands(t *testing.T) {
	s := serve(t)
	status := busy()
	until := status.Time.AddDate(0, 0, 1)
	status.KeyLogs = []registry.KeyLog{{Profile: "web", Until: until}}
	s.set(status)
	p := startBrowser(t).open(s.url, 1280, 900, "light")
	p.await(`document.querySelectorAll('#connections tbody tr').length === 40`)
	if got, want := eval[string](p, `document.querySelector('#notices').textContent`),
		until.Local().Format("2006-01-02 15:04:05"); !strings.Contains(got, want) {
		t.Errorf("a key log until tomorrow, %s, is told as %q", want, got)
	}
	const ids = `Array.from(document.querySelectorAll('#connections tbody tr td:first-child')).map((e) => e.textContent).join(' ')`
	if got := eval[string](p, ids); !strings.HasPrefix(got, "18446744073709551615 138 137 ") ||
		!strings.HasSuffix(got, " 101 100") {
		t.Errorf("the newest connections do not come first: %s", got)
	}
	p.do("Runtime.evaluate", map[string]any{"expression": `document.querySelector('#connections th:nth-child(9) button').focus()`}, nil)
	p.press("Enter")
	p.await(`document.querySelector('#connections th:nth-child(9)').ariaSort === 'descending'`)
	if got := eval[string](p, ids); !strings.HasPrefix(got, "138 137 136 ") {
		t.Errorf("sorted by what was sent: %s", got)
	}
	eval[bool](p, `(document.querySelector('#filter').value = 'BACKUP 1.2', document.querySelector('#filter').dispatchEvent(new Event('input')))`)
	if got := eval[string](p, ids); got != "132 122 112 102" {
		t.Errorf("filtered: %s", got)
	}
	const tip = `document.querySelector('#versions .tip')`
	box := eval[struct{ X, Y float64 }](p, `(document.querySelector('#versions').scrollIntoView({block: 'center'}), (({x, y, width, height}) => ({X: x + width / 2, Y: y + height / 2}))(document.querySelector('#versions svg').getBoundingClientRect()))`)
	p.do("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": box.X, "y": box.Y}, nil)
	p.await(`!` + tip + `.hidden`)
	if got := eval[string](p, tip+`.innerText`); !strings.Contains(got, "TLS 1.3") ||
		!strings.Contains(got, "TLS 1.2") {
		t.Errorf("the pointer shows %q", got)
	}
	p.screenshot("pointed", false)
	p.do("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": 2, "y": 2}, nil)
	p.await(tip + `.hidden`)
	eval[bool](p, `(document.querySelector('#versions .plot').focus(), true)`)
	p.press("End")
	last := eval[string](p, `document.querySelector('#versions .sr').textContent`)
	p.press("ArrowLeft")
	if got := eval[string](p, `document.querySelector('#versions .sr').textContent`); got == last || !strings.Contains(got, "TLS 1.3") {
		t.Errorf("the keys tell %q, then %q", last, got)
	}
	p.press("Escape")
	p.await(tip + `.hidden`)
	eval[bool](p, `(document.querySelector('#versions details').open = true)`)
	p.await(`document.querySelectorAll('#versions .numbers tbody tr').length === 360`)
	eval[bool](p, `(document.querySelector('#range-day').click(), true)`)
	p.await(`document.querySelectorAll('#versions .numbers tbody tr').length === 200`)
	p.wantQuiet()
}

// TestCounted: of who is not told the past, the page counts what happens while
// it is open, and begins anew with a new service.
func TestCounted(t *testing.T) {
	s := serve(t)
	status := busy()
	status.AllUsers, status.Series, status.Certificates = false, nil, nil
	s.set(status)
	p := startBrowser(t).open(s.url, 800, 900, "light")
	p.await(`document.querySelector('#tiles')?.textContent.includes('18,234') && !document.querySelector('#time-note').hidden`)
	// Ten seconds later, for which nobody has to wait.
	later := *status
	later.Time = status.Time.Add(10 * time.Second)
	later.Totals.Handshakes += 3
	later.Totals.Sent += 5000
	added := later.Connections[1]
	added.ID, added.Version, added.Suite = 1000, "TLS 1.2", evil
	later.Connections = append([]registry.ConnectionInfo{added}, later.Connections...)
	s.set(&later)
	eval[bool](p, `(document.querySelectorAll('details').forEach((d) => { d.open = true }), true)`)
	const table = `Array.from(document.querySelectorAll('#%s .numbers tr:first-child :not(:first-child)')).map((e) => e.textContent).join(' ')`
	p.await(`document.querySelectorAll('#versions .numbers tbody tr').length === 1`)
	for chart, want := range map[string]string{"versions": "(ended between looks) TLS 1.2 2 1",
		"suites": "(ended between looks) " + evil + " 2 1",
		"bytes":  "received sent 0\u00a0B/s 500\u00a0B/s", "troubles": "failed refused 0 0"} {
		if got := eval[string](p, fmt.Sprintf(table, chart)); got != want {
			t.Errorf("chart %s counts %q, want %q", chart, got, want)
		}
	}
	again := later
	again.Time, again.Service.Started = later.Time.Add(20*time.Second), later.Time
	again.Totals = registry.Totals{Handshakes: 1}
	s.set(&again)
	p.await(`document.querySelector('#tiles').textContent.includes('0 of 1')`)
	if got := eval[int](p, `document.querySelectorAll('#versions .numbers tbody tr').length`); got != 1 {
		t.Errorf("another service's sums were counted on: %d points", got)
	}
	p.wantQuiet()
}
