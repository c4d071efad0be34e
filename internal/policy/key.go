package policy

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// change sets one key's value in an effective value.
type change func(*Effective)

// setting is a key's value in a file.
type setting struct {
	at    Position
	apply change
}

// layer holds the keys that one or more files set, by dotted name.
type layer map[string]setting

// key describes one key of `default` and of profiles.
type key struct {
	name   string   // dotted, for example "versions.min"
	decode decoding // its change is nil after a problem
}

// Whole sections.
const (
	profilesKey   = "profiles"
	identitiesKey = "identities"
	// ticketStoresKey are the stores that sessions.ticket_store names.
	ticketStoresKey = "ticket_stores"
)

// verifyKey may be off only in a profile.
const verifyKey = "trust.verify"

func findKey(name string) (key, bool) {
	all := keys()
	i := slices.IndexFunc(all, func(k key) bool { return k.name == name })
	if i < 0 {
		return key{}, false
	}
	return all[i], true
}

// keysBelow lists the keys and sections below a section, "" for the top.
func keysBelow(section string) []string {
	var names []string
	for _, k := range keys() {
		rest, ok := strings.CutPrefix(k.name, section)
		if name, _, _ := strings.Cut(rest, "."); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// settings decodes the keys of a section into a layer. Section is "" or ends
// with a dot; extra keys are the caller's own.
func (d *decoder) settings(n *yaml.Node, section, what string, into layer,
	extra map[string]func(*yaml.Node)) bool {
	return d.mapping(n, what, func(k, v *yaml.Node) {
		name := section + k.Value
		found, ok := findKey(name)
		switch {
		case extra[name] != nil:
			extra[name](v)
		case strings.Contains(k.Value, "."):
			d.problem(k, "unknown key %q in %s: write the keys below one another, without dots", clip(k.Value), what)
		case ok:
			if apply := found.decode(d, v); apply != nil {
				into[name] = setting{d.at(v), apply}
			}
		case len(keysBelow(name+".")) > 0:
			d.settings(v, name+".", name, into, nil)
		default:
			d.unknown(k, " in "+what, append(slices.Sorted(maps.Keys(extra)), keysBelow(section)...))
		}
	})
}
