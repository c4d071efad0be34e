package policy

import (
	"os"
	"regexp"
	"testing"
)

const defaultFile = "../../dist/policy.yaml"

func TestDefaultFileIsTheBuiltinDefault(t *testing.T) {
	p, err := Load(defaultFile)
	if err != nil {
		t.Fatalf("the default file is not accepted:\n%v", err)
	}
	sameSettings(t, p.Default(), Builtin().Default())
	if set := p.Default().origins; len(set) > 0 {
		t.Errorf("the default file sets %v: harder defaults of later versions would not arrive", set)
	}
}

// TestDefaultFileNamesEveryKey: without the # before keys, the default file
// says what holds anyway.
func TestDefaultFileNamesEveryKey(t *testing.T) {
	data, err := os.ReadFile(defaultFile)
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^( *)#(\S|  )`).ReplaceAll(data, []byte("$1$2"))
	l := testLoader(fullFiles(t))
	l.decode("policy.yaml", all)
	p, err := l.finish()
	if err != nil {
		t.Fatalf("the default file with its keys is not accepted:\n%v", err)
	}
	sameSettings(t, p.Default(), Builtin().Default())
	for _, k := range keys() {
		if p.Default().Origin(k.name).Line == 0 {
			t.Errorf("%s is not in the default file", k.name)
		}
	}
	if len(p.profiles) != 1 || len(l.identities) != 1 || len(l.stores) != 1 {
		t.Errorf("%d profiles, %d identities and %d ticket stores in the default file, want 1 of each", len(p.profiles), len(l.identities), len(l.stores))
	}
}
