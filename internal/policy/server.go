package policy

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/secure-socket-api/ssa/abi"
)

// parseALPN checks the name of an application protocol.
func parseALPN(_ *decoder, text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > 255 || strings.Contains(text, ",") {
		return "", fmt.Errorf("%q is not a protocol name of 1 to 255 bytes without a comma", clip(text))
	}
	return text, nil
}

// decodeProgramOptions decodes program_options: all, or a list.
func decodeProgramOptions(d *decoder, n *yaml.Node) change {
	if n.Kind == yaml.ScalarNode {
		return word("program_options", []string{"all"},
			func(e *Effective, _ int) { e.ProgramOptions = nil })(d, n)
	}
	var table []named[abi.Option]
	for _, o := range abi.Options {
		if o.Set != abi.Never {
			table = append(table, named[abi.Option]{o.Name, o.Option})
		}
	}
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 && d.literal(n) {
		return func(e *Effective) { e.ProgramOptions = []abi.Option{} }
	}
	return namedList("program_options", table,
		func(e *Effective, v []abi.Option) { e.ProgramOptions = v })(d, n)
}
