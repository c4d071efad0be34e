package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// decoder turns the YAML nodes of one file into settings, and collects what is
// wrong with them. Its methods return false, or nil, once they have noted a
// problem, and go on wherever that makes sense.
type decoder struct {
	*loader
	file string
	end  Position // of the file, without its name
}

// add notes a problem of the decoder's file.
func (d *decoder) add(line, column int, text string) {
	d.report(Position{d.file, max(line, 1), max(column, 1)}, text)
}

// problem notes a problem with a node.
func (d *decoder) problem(n *yaml.Node, format string, args ...any) {
	d.add(n.Line, n.Column, fmt.Sprintf(format, args...))
}

// warn notes something that is allowed but should be known.
func (d *decoder) warn(n *yaml.Node, format string, args ...any) {
	if len(d.warnings) < maxProblems {
		d.warnings = append(d.warnings, Problem{d.at(n), fmt.Sprintf(format, args...)})
	}
}

// at returns the place of a node.
func (d *decoder) at(n *yaml.Node) Position {
	return Position{d.file, max(n.Line, 1), max(n.Column, 1)}
}

// literal refuses what makes a YAML file mean something other than what is
// written at that place: aliases, anchors, tags.
func (d *decoder) literal(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		d.problem(n, "an alias (*%s) is not allowed in a policy file: write the value here", clip(n.Value))
	case n.Anchor != "":
		d.problem(n, "an anchor (&%s) is not allowed in a policy file", clip(n.Anchor))
	case n.Style&yaml.TaggedStyle != 0:
		d.problem(n, "a tag (%s) is not allowed in a policy file", clip(n.Tag))
	default:
		return true
	}
	return false
}

// mapping calls each for every key of a mapping, which may also be absent.
func (d *decoder) mapping(n *yaml.Node, what string, each func(key, value *yaml.Node)) bool {
	if !d.literal(n) {
		return false
	}
	if isNull(n) {
		return true
	}
	if n.Kind != yaml.MappingNode {
		d.problem(n, "%s is %s, it must be keys with values", what, describe(n))
		return false
	}
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if d.full() {
			break
		}
		if !d.literal(key) {
			continue
		}
		if key.Kind != yaml.ScalarNode {
			d.problem(key, "a key is %s, it must be a word", describe(key))
			continue
		}
		if before := first[key.Value]; before != nil {
			d.problem(key, "%s is set a second time, first in line %d", clip(key.Value), before.Line)
			continue
		}
		first[key.Value] = key
		each(key, value)
	}
	return true
}

// list calls each for every item of a list.
func (d *decoder) list(n *yaml.Node, what string, each func(item *yaml.Node)) bool {
	if !d.literal(n) {
		return false
	}
	if n.Kind != yaml.SequenceNode {
		d.problem(n, "%s is %s, it must be a list, as in [a, b]", what, describe(n))
		return false
	}
	for _, item := range n.Content {
		if d.full() {
			break
		}
		each(item)
	}
	return true
}

// texts decodes a list of strings without repetitions.
func (d *decoder) texts(n *yaml.Node, what string, each func(item *yaml.Node, text string)) bool {
	seen := map[string]bool{}
	return d.list(n, what, func(item *yaml.Node) {
		text, ok := d.text(item, "an item of "+what)
		if !ok {
			return
		}
		if seen[text] {
			d.problem(item, "%s is in the list twice", clip(text))
			return
		}
		seen[text] = true
		each(item, text)
	})
}

// text decodes a scalar that is not empty.
func (d *decoder) text(n *yaml.Node, what string) (string, bool) {
	if !d.literal(n) {
		return "", false
	}
	if n.Kind != yaml.ScalarNode || isNull(n) || n.Value == "" {
		d.problem(n, "%s is %s, it must be one word or string", what, describe(n))
		return "", false
	}
	return n.Value, true
}

// choice decodes one of a few words, and returns its index or -1.
func (d *decoder) choice(n *yaml.Node, what string, words ...string) int {
	text, ok := d.text(n, what)
	if !ok {
		return -1
	}
	i := slices.Index(words, text)
	if i < 0 {
		d.problem(n, "%s is %q; allowed: %s%s", what, clip(text), strings.Join(words, ", "),
			didYouMean(text, words))
	}
	return i
}

// unknown notes an unknown key.
func (d *decoder) unknown(key *yaml.Node, where string, allowed []string) {
	d.problem(key, "unknown key %q%s; allowed: %s%s", clip(key.Value), where,
		strings.Join(allowed, ", "), didYouMean(key.Value, allowed))
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// describe says in words what a node is.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a set of keys"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n), n.Value == "":
		return "empty"
	default:
		return fmt.Sprintf("%q", clip(n.Value))
	}
}

// clip makes text from a file fit for a message: short, and printable.
func clip(s string) string {
	const most = 80
	runes := []rune(s)
	if len(runes) > most {
		runes = append(runes[:most], []rune("...")...)
	}
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = utf8.RuneError
		}
	}
	return string(runes)
}
