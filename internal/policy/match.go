package policy

import (
	"cmp"
	"math"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
)

// match says which programs a profile is for: those that meet all its parts.
type match struct {
	exe, script *glob   // nil for any
	user, group *uint32 // nil for any
	cgroup      string  // this one and those below; "" for any
	at          Position
}

func (m *match) matches(p *subject.Program) bool {
	return (m.user == nil || *m.user == p.UID) &&
		(m.exe == nil || m.exe.matches(p.Exe)) &&
		(m.script == nil || p.Script != "" && m.script.matches(p.Script)) &&
		(m.group == nil || *m.group == p.GID || slices.Contains(p.Groups, *m.group)) &&
		(m.cgroup == "" || within(p.Cgroup, m.cgroup))
}

// within reports whether a cgroup is another or below it.
func within(cgroup, top string) bool {
	rest, ok := strings.CutPrefix(cgroup, top)
	return ok && (rest == "" || rest[0] == '/' || top == "/")
}

// specificity ranks matches: first by script, then exe, user, group, cgroup. A
// literal path is above every pattern, and a pattern with more literal
// characters above one with fewer.
func (m *match) specificity() [5]int {
	set := func(id *uint32) int {
		if id == nil {
			return 0
		}
		return 1
	}
	depth := 0
	if m.cgroup != "" {
		depth = 1 + strings.Count(strings.TrimSuffix(m.cgroup, "/"), "/")
	}
	return [5]int{rank(m.script), rank(m.exe), set(m.user), set(m.group), depth}
}

func rank(g *glob) int {
	switch {
	case g == nil:
		return 0
	case g.expr == nil:
		return math.MaxInt
	default:
		return 1 + g.literals()
	}
}

// overlaps reports whether one program can meet both. Groups never keep two
// matches apart, since a program may be in both.
func (m *match) overlaps(o *match) bool {
	globs := func(a, b *glob) bool { return a == nil || b == nil || a.overlaps(b) }
	return (m.user == nil || o.user == nil || *m.user == *o.user) &&
		globs(m.exe, o.exe) && globs(m.script, o.script) &&
		(m.cgroup == "" || o.cgroup == "" || within(m.cgroup, o.cgroup) || within(o.cgroup, m.cgroup))
}

func compareSpecificity(a, b *profile) int {
	for i := range a.rank {
		if c := cmp.Compare(b.rank[i], a.rank[i]); c != 0 {
			return c
		}
	}
	return 0
}

// decodeMatch decodes the match of a profile.
func (d *decoder) decodeMatch(n *yaml.Node) match {
	m := match{at: d.at(n)}
	names := []string{"exe", "script", "user", "group", "cgroup"}
	ok := d.mapping(n, "match", func(k, v *yaml.Node) {
		if !slices.Contains(names, k.Value) {
			d.unknown(k, " in match", names)
			return
		}
		text, ok := d.text(v, "match."+k.Value)
		if !ok {
			return
		}
		switch k.Value {
		case "exe":
			m.exe = d.pathPattern(v, "match.exe", text)
		case "script":
			m.script = d.pathPattern(v, "match.script", text)
		case "user":
			m.user = d.account(v, "/etc/passwd", "user", text)
		case "group":
			m.group = d.account(v, "/etc/group", "group", text)
		case "cgroup":
			m.cgroup = d.cleanPath(v, "match.cgroup", text)
		}
	})
	if ok && len(n.Content) == 0 {
		d.problem(n, "match is empty, it needs one or more of %s", strings.Join(names, ", "))
	}
	return m
}

func (d *decoder) account(n *yaml.Node, file, kind, text string) *uint32 {
	id, err := d.accountID(file, kind, text)
	if err != nil {
		d.problem(n, "match.%s: %v", kind, err)
		return nil
	}
	return &id
}

// cleanPath decodes an absolute path without . and .. and double slashes.
func (d *decoder) cleanPath(n *yaml.Node, what, text string) string {
	if !strings.HasPrefix(text, "/") || path.Clean(text) != text {
		d.problem(n, "%s is %q, it must be an absolute path without . or .. or a slash at the end", what, clip(text))
		return ""
	}
	return text
}

// pathPattern decodes a path or pattern. The kernel shows programs by the real
// path, so symbolic links in the literal part are followed now, once.
func (d *decoder) pathPattern(n *yaml.Node, what, text string) *glob {
	if d.cleanPath(n, what, text) == "" {
		return nil
	}
	literal := text
	if i := strings.IndexAny(text, "*?"); i >= 0 {
		literal = text[:max(strings.LastIndexByte(text[:i], '/'), 0)]
	}
	if literal == "" || d.outline {
		return newGlob(text)
	}
	if real, err := d.realPath(literal); err == nil {
		if strings.ContainsAny(real, "*?") {
			d.problem(n, "%s: %s has a * or ? in its real path %q, which cannot be told from a pattern", what, clip(literal), clip(real))
			return nil
		}
		return newGlob(strings.TrimSuffix(real, "/") + text[len(literal):])
	}
	d.warn(n, "%s: %s is not there now", what, clip(literal))
	return newGlob(text)
}
