package houserules_test

import (
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// graph holds what each package imports: ours by all of their files but tests,
// whatever machine a file is for, others as on this machine.
type graph map[string]map[string]bool

var imported struct {
	once  sync.Once
	graph graph
	err   error
}

// packages returns the graph, read once. It needs the go command, and no
// network.
func packages(t *testing.T) graph {
	t.Helper()
	files := source(t)
	imported.once.Do(func() { imported.graph, imported.err = readGraph(files) })
	if imported.err != nil {
		t.Fatal(imported.err)
	}
	return imported.graph
}

func readGraph(files []*file) (graph, error) {
	g := graph{}
	cmd := exec.Command("go", "list", "-e", "-deps", "-f",
		"{{.ImportPath}} {{join .Imports \" \"}}", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		g[fields[0]] = map[string]bool{}
		for _, to := range fields[1:] {
			g[fields[0]][to] = true
		}
	}
	for _, f := range files {
		if f.test {
			continue
		}
		if g[f.path()] == nil {
			g[f.path()] = map[string]bool{}
		}
		for to := range f.imports() {
			g[f.path()][to] = true
		}
	}
	return g, nil
}

// below returns the packages below a folder of the module.
func (g graph) below(dir string) (found []string) {
	for p := range g {
		if within(p, module+"/"+dir) {
			found = append(found, p)
		}
	}
	return found
}

// reach returns all that a package stands on, each with the way there. What
// packages in past import does not count.
func (g graph) reach(from string, past []string) map[string]string {
	found := map[string]string{from: short(from)}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at != from && slices.Contains(past, short(at)) {
			continue
		}
		for to := range g[at] {
			if found[to] == "" {
				found[to] = found[at] + " → " + short(to)
				queue = append(queue, to)
			}
		}
	}
	delete(found, from)
	return found
}

// short is a package's folder, or the path of another module's.
func short(p string) string { return strings.TrimPrefix(p, module+"/") }
