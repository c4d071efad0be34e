package report

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

// wellFormed parses a drawing and returns its words.
func wellFormed(t *testing.T, drawing string) []string {
	t.Helper()
	var words []string
	d := xml.NewDecoder(strings.NewReader(drawing))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return words
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, drawing)
		}
		if chars, ok := token.(xml.CharData); ok {
			words = append(words, strings.TrimSpace(string(chars)))
		}
	}
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if strings.Contains(w, word) {
			return true
		}
	}
	return false
}

func TestBars(t *testing.T) {
	var out strings.Builder
	if err := finished().Bars(&out); err != nil {
		t.Fatal(err)
	}
	words := wellFormed(t, out.String())
	for _, want := range []string{"Bulk & more", "<openssl>", "1.250", "more is better"} {
		if !contains(words, want) {
			t.Errorf("%q is not drawn: %q", want, words)
		}
	}
	if strings.Contains(out.String(), "NaN") {
		t.Errorf("no number:\n%s", out.String())
	}
	empty := &Row{Name: "x", Metrics: []string{"ms"}, Results: []Result{{Name: "ssa"}}}
	empty.Finish()
	if err := empty.Bars(&out); err == nil {
		t.Error("nothing was drawn")
	}
}

func TestCurves(t *testing.T) {
	at := func(name string, one, ten float64) Result {
		return Result{Name: name, Samples: []Sample{{Values: map[string]float64{"1": one, "10": ten}}}}
	}
	r := &Row{Title: "Many & more", Unit: "ms", Metrics: []string{"1", "10"},
		Results: []Result{at("ssa", 1, 20), at("openssl", 30, 300), at("zero", 0, 300)}}
	r.Finish()
	var out strings.Builder
	if err := r.Curves(&out); err != nil {
		t.Fatal(err)
	}
	words := wellFormed(t, out.String())
	for _, want := range []string{"Many & more", "ssa", "openssl", "zero", "1000"} {
		if !contains(words, want) {
			t.Errorf("%q is not drawn: %q", want, words)
		}
	}
	if strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "Inf") {
		t.Errorf("no number:\n%s", out.String())
	}
	r.Metrics = []string{"p50"}
	if err := r.Curves(&out); err == nil {
		t.Error("a metric that is no count was drawn")
	}
}
