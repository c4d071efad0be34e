package metrics

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"

	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// contentType is that of the text format.
const contentType = "text/plain; version=0.0.4; charset=utf-8"

// printer writes the text format, https://prometheus.io/docs/instrumenting/exposition_formats/.
type printer struct{ out *bytes.Buffer }

// family begins a metric.
func (p *printer) family(name, kind, help string) {
	p.out.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

// escape makes any text fit for the value of a label.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// sample writes a value with its labels, names and values in turn.
func (p *printer) sample(name string, value float64, labels ...string) {
	p.out.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		p.out.WriteString([...]string{"{", ","}[min(i, 1)])
		p.out.WriteString(labels[i] + `="` +
			escape.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD")) + `"`)
	}
	if len(labels) > 0 {
		p.out.WriteString("}")
	}
	p.out.WriteString(" " + number(value) + "\n")
}

func number(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }

// histogram writes a histogram, whose buckets are cumulated here.
func (p *printer) histogram(name string, h registry.Histogram, labels ...string) {
	sum := uint64(0)
	for i, count := range h.Counts {
		sum += count
		bound := "+Inf"
		if i < len(h.Bounds) {
			bound = number(h.Bounds[i].Seconds())
		}
		p.sample(name+"_bucket", float64(sum), append(labels[:len(labels):len(labels)], "le", bound)...)
	}
	p.sample(name+"_sum", h.Sum.Seconds(), labels...)
	p.sample(name+"_count", float64(sum), labels...)
}

func compareKeys(a, b registry.HandshakeKey) int {
	return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Profile, b.Profile),
		cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.Suite, b.Suite), cmp.Compare(a.Reason, b.Reason),
		cmp.Compare(strconv.FormatBool(a.Resumed), strconv.FormatBool(b.Resumed)))
}

func compareCertificates(a, b registry.Certificate) int {
	return cmp.Compare(a.Identity,
		b.Identity)
}
