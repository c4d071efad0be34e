package policy

import (
	"fmt"
	"testing"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
)

func TestMostSpecificProfileWins(t *testing.T) {
	p := mustParse(t, `
profiles:
  - {name: script, match: {script: /opt/tool.py}}
  - {name: literal, match: {exe: /usr/bin/python3}}
  - {name: literal-alice, match: {exe: /usr/bin/python3, user: alice}}
  - {name: long-glob, match: {exe: /usr/bin/pyth*}}
  - {name: short-glob, match: {exe: /usr/bin/*}}
  - {name: anywhere, match: {exe: /**/nc?}}
  - {name: linked, match: {exe: /usr/bin/nc}}
  - {name: bin, match: {exe: /bin/tool*}}
  - {name: alice, match: {user: alice}}
  - {name: staff, match: {group: staff}}
  - {name: deep, match: {cgroup: /user.slice/a}}
  - {name: slice, match: {cgroup: /user.slice}}
`)
	tests := []struct {
		program subject.Program
		want    string
	}{
		{subject.Program{Exe: "/usr/bin/python3"}, "literal"},
		{subject.Program{Exe: "elsewhere:/usr/bin/python3"}, "default"},
		{subject.Program{Exe: "elsewhere:/usr/bin/python3 (deleted)"}, "default"},
		{subject.Program{Exe: "/usr/bin/python3", UID: 1000}, "literal-alice"},
		{subject.Program{Exe: "/usr/bin/python3", Script: "/opt/tool.py", UID: 1000}, "script"},
		{subject.Program{Exe: "/usr/bin/python3", Script: "/opt/other.py"}, "literal"},
		{subject.Program{Exe: "/usr/bin/python3.11"}, "long-glob"},
		{subject.Program{Exe: "/usr/bin/perl", UID: 1000}, "short-glob"},
		{subject.Program{Exe: "/usr/bin/sub/perl", UID: 1000}, "alice"},
		{subject.Program{Exe: "/srv/a/b/ncx", UID: 1000}, "anywhere"},
		{subject.Program{Exe: "/usr/bin/nc.openbsd"}, "linked"},
		{subject.Program{Exe: "/usr/bin/tool1"}, "bin"},
		{subject.Program{Exe: "/x", UID: 7, GID: 50}, "staff"},
		{subject.Program{Exe: "/x", UID: 7, Groups: []uint32{4, 50}, Cgroup: "/user.slice/a"}, "staff"},
		{subject.Program{Exe: "/x", Cgroup: "/user.slice/a/b"}, "deep"},
		{subject.Program{Exe: "/x", Cgroup: "/user.slice/ab"}, "slice"},
		{subject.Program{Exe: "/x", Cgroup: "/user.slices"}, "default"},
		{subject.Program{Exe: ""}, "default"},
		{subject.Program{}, "default"},
	}
	for _, tt := range tests {
		got := p.For(tt.program)
		if got.Profile != tt.want {
			t.Errorf("%+v has profile %s, want %s", tt.program, got.Profile, tt.want)
		}
		if again := p.For(tt.program); again != got {
			t.Errorf("%+v: two lookups gave two values", tt.program)
		}
	}
}

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"/a/b", "/a/b", true},
		{"/a/b", "/a/b/", false},
		{"/a/*", "/a/b", true},
		{"/a/*", "/a/", true},
		{"/a/*", "/a/b/c", false},
		{"/a/**", "/a/b/c", true},
		{"/a/**/c", "/a/b/b/c", true},
		{"/a/?", "/a/b", true},
		{"/a/?", "/a//", false},
		{"/a/?", "/a/\n", true},
		{"/a/*", "/a/\xff", true},
		{"/a.b", "/axb", false},
		{"/a.*", "/a.b\nc", true},
		{"/é?", "/éé", true},
	}
	for _, tt := range tests {
		if got := newGlob(tt.pattern).matches(tt.path); got != tt.want {
			t.Errorf("%q matches %q: %v, want %v", tt.pattern, tt.path, got, tt.want)
		}
	}
}

// FuzzGlobOverlap: when a path matches two patterns, they overlap, in either
// order; and two patterns without special characters overlap when equal.
func FuzzGlobOverlap(f *testing.F) {
	f.Add("/a/*", "/a/b?", "/a/bc")
	f.Add("/**/x", "/*/x", "/a/x")
	f.Add("/a*b", "/*", "/ab")
	f.Fuzz(func(t *testing.T, a, b, path string) {
		if len(a)+len(b)+len(path) > 300 {
			return
		}
		x, y := newGlob(a), newGlob(b)
		overlaps := x.overlaps(y)
		if overlaps != y.overlaps(x) {
			t.Errorf("%q overlaps %q: %v, the other way round %v", a, b, overlaps, !overlaps)
		}
		if x.matches(path) && y.matches(path) && !overlaps {
			t.Errorf("%q matches %q and %q, which are said not to overlap", path, a, b)
		}
		if x.expr == nil && y.expr == nil && a != b && validUTF8(a, b) && overlaps {
			t.Errorf("different literals %q and %q overlap", a, b)
		}
	})
}

// TestGlobOverlap compares with all paths over a small alphabet.
func TestGlobOverlap(t *testing.T) {
	paths := words("/ab", 4)
	patterns := words("/a?*", 3)
	for _, a := range patterns {
		for _, b := range patterns {
			x, y, want := newGlob(a), newGlob(b), false
			for _, path := range paths {
				want = want || x.matches(path) && y.matches(path)
			}
			if got := x.overlaps(y); got != want {
				t.Errorf("%q overlaps %q: %v, want %v", a, b, got, want)
			}
		}
	}
}

// words lists all words over an alphabet up to a length.
func words(alphabet string, length int) []string {
	all := []string{""}
	for from := 0; length > 0; length-- {
		to := len(all)
		for _, w := range all[from:to] {
			for _, r := range alphabet {
				all = append(all, w+string(r))
			}
		}
		from = to
	}
	return all
}

func BenchmarkFor(b *testing.B) {
	for _, n := range []int{0, 10, 1000} {
		b.Run(fmt.Sprintf("%dprofiles", n), func(b *testing.B) {
			text := "profiles:\n" + manyLines("  - {name: p%d, match: {exe: /usr/bin/p%[1]d, user: 5}}\n", n)
			text += "  - {name: glob, match: {exe: /usr/bin/py*}}\n"
			p := mustParse(b, text)
			program := subject.Program{Exe: "/usr/bin/python3", UID: 5}
			for b.Loop() {
				if p.For(program).Profile != "glob" {
					b.Fatal("wrong profile")
				}
			}
		})
	}
}
