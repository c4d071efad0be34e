package policy

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
)

// accounts decodes a list of users or groups.
func (d *decoder) accounts(n *yaml.Node, file, what, kind string) (ids []uint32) {
	before := len(d.problems)
	d.texts(n, what, func(item *yaml.Node, text string) {
		id, err := d.accountID(file, kind, text)
		if err != nil {
			d.problem(item, "%s: %v", what, err)
			return
		}
		ids = append(ids, id)
	})
	if len(ids) == 0 && len(d.problems) == before {
		d.problem(n, "%s is empty: it would be for nobody; leave it out for anybody", what)
	}
	return ids
}

// checkHolders makes sure that each identity is for those only that it names,
// and warns of those that are for whoever starts a program.
func (l *loader) checkHolders(e *Effective, of *profile) {
	var m *match
	own := false
	if of != nil {
		m = &of.match
		_, own = of.settings["server.identity"]
	}
	if l.outline {
		return // the service has seen to it
	}
	at := e.Origin("server.identity")
	for _, files := range e.ServerIdentities {
		if !files.mayHave(m) {
			l.report(at, fmt.Sprintf("server.identity: %s is only for the users and groups that %s names, and %s is for others too: "+
				"one of them must be in its match (user, group)", files.Name, files.At, whose(e)))
		}
	}
	if own && m.exe != nil && m.user == nil && m.group == nil && len(e.ServerIdentities) > 0 {
		l.warnings = append(l.warnings, Problem{m.at, "profile " + e.Profile + " has an identity and matches by exe alone: " +
			"any user who starts that program has its key; add user or group to match"})
	}
}

func whose(e *Effective) string {
	if e.Profile == "default" {
		return "default"
	}
	return "profile " + e.Profile
}

// mayHave reports whether all programs of a match may have an identity; nil is
// the match of every program.
func (f *IdentityFiles) mayHave(m *match) bool {
	return len(f.users)+len(f.groups) == 0 || m != nil &&
		(m.user != nil && slices.Contains(f.users, *m.user) ||
			m.group != nil && slices.Contains(f.groups, *m.group))
}
