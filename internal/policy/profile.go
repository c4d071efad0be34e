package policy

import (
	"fmt"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v4"
	"sync"
)

// maxProfiles bounds the number of profiles of one policy.
const maxProfiles = 4096

// profile is one entry of `profiles`.
type profile struct {
	name      string
	at        Position
	match     match
	unclear   bool   // the match was not understood, and may seem to tie
	rank      [5]int // of match.specificity
	settings  layer
	effective *Effective
}

// Made at its first use: most policies have no profile.
var nameShape = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
})

// name decodes the name of a profile or an identity.
func (d *decoder) name(n *yaml.Node, what, text string) bool {
	if !nameShape().MatchString(text) {
		d.problem(n, "%s is %q, it must be at most 64 letters, digits and . _ -", what, clip(text))
		return false
	}
	return true
}

// profileList decodes `profiles`.
func (d *decoder) profileList(n *yaml.Node) {
	if isNull(n) && d.literal(n) {
		return
	}
	d.list(n, "profiles", func(item *yaml.Node) {
		p := &profile{at: d.at(item), settings: layer{}}
		hasMatch := false
		before := len(d.problems)
		ok := d.settings(item, "", "a profile", p.settings, map[string]func(*yaml.Node){
			"name": func(v *yaml.Node) {
				if text, ok := d.text(v, "name"); ok && d.name(v, "name", text) {
					p.name, p.at = text, d.at(v)
				}
			},
			"match": func(v *yaml.Node) {
				before := len(d.problems)
				hasMatch, p.match = true, d.decodeMatch(v)
				p.unclear = len(d.problems) > before || d.full()
			},
		})
		switch {
		case !ok:
		case p.name == "":
			if before == len(d.problems) {
				d.problem(item, "a profile needs a name")
			}
		case !hasMatch:
			d.problem(item, "profile %s needs a match", p.name)
		default:
			p.rank = p.match.specificity()
			d.addProfile(p)
		}
	})
}

// addProfile adds a profile under a name of its own.
func (l *loader) addProfile(p *profile) {
	if p.name == "default" {
		l.report(p.at, "the name default is taken by the section default")
		return
	}
	if i := slices.IndexFunc(l.profiles,
		func(other *profile) bool { return other.name == p.name }); i >= 0 {
		l.report(p.at, fmt.Sprintf("a second profile %s, the first is at %s", p.name, l.profiles[i].at))
		return
	}
	if len(l.profiles) == maxProfiles {
		l.report(p.at, fmt.Sprintf("more than %d profiles", maxProfiles))
		return
	}
	l.profiles = append(l.profiles, p)
}

// ordered returns the profiles, most specific first. Two that are as specific
// and can be for one program are a problem.
func (l *loader) ordered() []*profile {
	profiles := slices.Clone(l.profiles)
	slices.SortStableFunc(profiles, compareSpecificity)
	for i, a := range profiles {
		for _, b := range profiles[i+1:] {
			if compareSpecificity(a, b) != 0 || l.full() || l.outline {
				break
			}
			if !a.unclear && !b.unclear && a.match.overlaps(&b.match) {
				l.report(b.at, fmt.Sprintf("profiles %s and %s (%s) can both be for one program and are as specific: "+
					"make one match narrower", b.name, a.name, a.at))
			}
		}
	}
	return profiles
}
