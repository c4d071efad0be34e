package houserules_test

import (
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// docs/architecture.md is the plan of the house. What it says of the code is
// checked here, so that it may be believed.
const page = "docs/architecture.md"

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// listedPackages returns the packages on the page, in its order.
func listedPackages(t *testing.T) (dirs []string) {
	t.Helper()
	_, text, ok := strings.Cut(readPage(t), "\n## The packages\n")
	if !ok {
		t.Fatalf("%s has no list of packages", page)
	}
	for _, row := range regexp.MustCompile("(?m)^- `([^`]+)`:").FindAllStringSubmatch(text, -1) {
		dirs = append(dirs, row[1])
	}
	return dirs
}

// partOf returns the part of the house that a package belongs to, "" for what is
// not on the page: tests, benchmarks and examples.
func partOf(dir string) string {
	first, rest, _ := strings.Cut(dir, "/")
	switch first {
	case ".", "abi":
		return first
	case "cmd", "internal":
		name, _, _ := strings.Cut(rest, "/")
		return first + "/" + name
	}
	return ""
}

func TestPageNamesEveryPackage(t *testing.T) {
	dirs, seen := listedPackages(t), map[string]bool{}
	for _, f := range source(t) {
		if partOf(f.dir) == "" || seen[f.dir] {
			continue
		}
		seen[f.dir] = true
		if !slices.Contains(dirs, f.dir) {
			t.Errorf("%s lacks the package %s: say its one job, below those it imports", page, f.dir)
		}
	}
	for i, dir := range dirs {
		if !seen[dir] {
			t.Errorf("%s lists %s, which is no package", page, dir)
		}
		if slices.Contains(dirs[:i], dir) {
			t.Errorf("%s lists %s twice", page, dir)
		}
	}
}

func TestOrderOfPackages(t *testing.T) {
	dirs := listedPackages(t)
	for i, dir := range dirs {
		for to := range packages(t)[path.Join(module, dir)] {
			if below := slices.Index(dirs, dirOf(to)); below >= i {
				t.Errorf("%s imports %s, which is not above it in %s: the import is wrong, or the order", dir, dirs[below], page)
			}
		}
	}
}

// dirOf is the folder of a package of ours; another module's stays as it is.
func dirOf(p string) string {
	if p == module {
		return "."
	}
	return short(p)
}

// TestPartsAndArrows keeps the plan small enough to be held in mind.
func TestPartsAndArrows(t *testing.T) {
	parts, arrows := map[string]bool{}, map[string]bool{}
	for _, f := range source(t) {
		from := partOf(f.dir)
		if from == "" || !f.shipped() || f.dir == "internal/houserules" {
			continue
		}
		parts[from] = true
		for p := range f.imports() {
			if to := partOf(dirOf(p)); within(p, module) && to != from {
				arrows[from+" → "+to] = true
			}
		}
	}
	said := regexp.MustCompile(`There are (\d+) parts[^.]*?more\s+than (\d+) arrows`).FindStringSubmatch(readPage(t))
	if said == nil {
		t.Fatalf("%s does not say how many parts there are, and how many arrows", page)
	}
	if said[1] != strconv.Itoa(len(parts)) {
		t.Errorf("%s speaks of %s parts, there are %d", page, said[1], len(parts))
	}
	if most, _ := strconv.Atoi(said[2]); len(arrows) > most {
		t.Errorf("%s allows %d arrows between parts, there are %d: do without one, or say there why not", page, most, len(arrows))
	}
}

func TestPathsOnPage(t *testing.T) {
	named := regexp.MustCompile(`\b(?:abi|bench|cmd|dist|docs|examples|include|internal|test)/[\w./-]*\w`).FindAllString(readPage(t), -1)
	if len(named) < 60 {
		t.Errorf("only %d paths were found on %s", len(named), page)
	}
	for _, name := range named {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("%s names %s, which is not there", page, name)
		}
	}
}

// TestNamesOnPage looks for functions and types, written with their packages.
func TestNamesOnPage(t *testing.T) {
	dirs := map[string]string{}
	for _, dir := range listedPackages(t) {
		dirs[path.Base(dir)] = dir
	}
	known := declared(source(t))
	found := 0
	for _, m := range regexp.MustCompile(`(^|[^\w./-])([a-z]\w*)\.(\w+(?:\.\w+)?)`).FindAllStringSubmatch(readPage(t), -1) {
		dir := dirs[m[2]]
		if dir == "" {
			continue
		}
		found++
		if !known[dir+" "+m[3]] {
			t.Errorf("%s names %s.%s, which %s has not", page, m[2], m[3], dir)
		}
	}
	if found < 20 {
		t.Errorf("only %d names were found on %s", found, page)
	}
}

// declared returns functions and types, and methods and fields behind their
// type, each behind the folder of its package.
func declared(files []*file) map[string]bool {
	names := map[string]bool{}
	for _, f := range files {
		if f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				names[f.dir+" "+receiver(fn)+fn.Name.Name] = true
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			names[f.dir+" "+spec.Name.Name] = true
			for _, member := range members(spec.Type) {
				for _, name := range member.Names {
					names[f.dir+" "+spec.Name.Name+"."+name.Name] = true
				}
			}
			return true
		})
	}
	return names
}

func members(t ast.Expr) []*ast.Field {
	switch t := t.(type) {
	case *ast.InterfaceType:
		return t.Methods.List
	case *ast.StructType:
		return t.Fields.List
	}
	return nil
}

// receiver is the type of a method, with a dot, "" for a function.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if name, ok := t.(*ast.Ident); ok {
		return name.Name + "."
	}
	return ""
}
