package transparency_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust/transparency"
)

func TestParse(t *testing.T) {
	a, b := ssatest.NewLog(t, "a", "A"), ssatest.NewLog(t, "b", "B")
	made := time.Now().Add(-time.Hour).UTC()
	good := string(ssatest.LogList(t, made, a, b))
	list, err := transparency.Parse([]byte(good))
	if err != nil || list.Len() != 2 || !list.At().Equal(made) {
		t.Fatalf("got %+v and error %v, want two logs at %v", list, err, made)
	}
	if list, err := transparency.Parse([]byte(strings.NewReplacer(`"logs"`, `"tiled_logs"`,
		`"tiled_logs"`, `"logs"`).Replace(good))); err != nil || list.Len() != 2 {
		t.Errorf("tiled logs: got %+v and error %v, want two logs", list, err)
	}
	for name, test := range map[string]struct{ text, err string }{
		"empty":         {"", "it is not a log list"},
		"not JSON":      {"<html>", "it is not a log list"},
		"no logs":       {`{"operators": []}`, "it names no log"},
		"other JSON":    {`{"logs": [{"key": ""}]}`, "it names no log"},
		"no name":       {strings.Replace(good, `"name":"A"`, `"name":""`, 1), "has no name"},
		"wrong id":      {strings.Replace(good, `"log_id":"`, `"log_id":"AAAA`, 1), "its log_id is not the hash of its key"},
		"wrong key":     {strings.Replace(good, `"key":"`, `"key":"AAAA`, 1), "its log_id is not the hash of its key"},
		"twice":         {string(ssatest.LogList(t, made, a, a)), "it is listed twice"},
		"two states":    {strings.Replace(good, `"state":{`, `"state":{"retired":{},`, 1), "it is in several states"},
		"too large":     {strings.Repeat(" ", transparency.MaxList+1), "more than 8388608"},
		"wrong type":    {strings.Replace(good, `"operators":[`, `"operators":[1,`, 1), "it is not a log list"},
		"more behind":   {good + "{}", "it is not a log list"},
		"deeply nested": {strings.Repeat("[", 100000), "it is not a log list"},
	} {
		list, err := transparency.Parse([]byte(test.text))
		if err == nil || list != nil || !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: got %+v and error %v, want an error with %q", name, list, err, test.err)
		}
	}
}

// A log with a key of a kind that we cannot use spoils neither the list nor
// itself counts.
func TestLogsOfTheFuture(t *testing.T) {
	root := ssatest.NewAuthority(t)
	a, b := ssatest.NewLog(t, "a", "A"), ssatest.NewLog(t, "b", "B")
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range [][]byte{der, []byte("of the future")} {
		other := ssatest.NewLog(t, "other", "C").WithKey(key)
		list, err := transparency.Parse(ssatest.LogList(t, time.Now(), a, b, other))
		if err != nil {
			t.Fatalf("the list is refused: %v", err)
		}
		leaf := ssatest.Leaf{Names: []string{"a.example"}}
		check := func(logs ...*ssatest.Log) error {
			_, err := list.Check([]*x509.Certificate{root.IssueLogged(t, leaf, logs...).Leaf(),
				root.Certificate()}, transparency.Evidence{}, time.Now())
			return err
		}
		if err := check(a, b); err != nil {
			t.Errorf("two good logs: %v", err)
		}
		if err := check(a, other); err == nil ||
			!strings.Contains(err.Error(), "the log other is not usable") {
			t.Errorf("a good one and the other: %v", err)
		}
	}
}

// FuzzParse: a list with logs, or an error.
func FuzzParse(f *testing.F) {
	f.Add(ssatest.LogList(f, time.Now(), ssatest.NewLog(f, "a", "A"), ssatest.NewLog(f, "b", "B")))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := transparency.Parse(data)
		if (list == nil) == (err == nil) {
			t.Fatalf("list %v with error %v", list, err)
		}
		if list != nil && list.Len() == 0 {
			t.Error("a list without logs is accepted")
		}
	})
}
