package policy

import (
	"path/filepath"
	"testing"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/policy/subject"
)

// An outline answers what a program may ask for as the policy itself does,
// also where the files that it names cannot be read.
func TestOutline(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	text := `
default:
  versions: {min: "1.3"}
  trust: {roots: [system, ` + gone + `]}
  server: {identity: www}
identities:
  www: {chain: ` + gone + `, key: ` + gone + `}
profiles:
  - name: lax
    match: {exe: /bin/lax, user: known-to-the-service-alone}
    versions: {min: "1.2"}
    trust: {transparency: require, transparency_logs: ` + gone + `}
`
	if _, err := Parse("whole", []byte(text)); err == nil {
		t.Error("the whole policy loads without the files that it names")
	}
	p, err := Outline([]File{{"a.yaml", []byte(text)}, {"b.yaml", []byte("default: {program_options: [TLS_VERSION_MAX]}")}})
	if err != nil {
		t.Fatal(err)
	}
	if e := p.Default(); e.MinVersion != 0x0304 || len(e.ServerIdentities) != 1 ||
		e.MayUse(abi.VersionMin) == nil || e.MayUse(abi.VersionMax) != nil {
		t.Errorf("the default of the outline is %+v", e)
	}
	if e := p.For(subject.Program{Exe: "/bin/lax"}); e.Profile != "default" || !p.IsOutline() {
		t.Errorf("the outline says whom a profile is for: %s", e.Profile)
	}
	if e := p.Named("gone"); e.Profile != "default" {
		t.Errorf("a profile that is not there is %s", e.Profile)
	}
	if e := p.Named("lax"); e.Profile != "lax" || e.MinVersion != 0x0303 || !e.Transparency {
		t.Errorf("the profile of the outline is %+v", e)
	}
	if ids, err := p.Default().Identities(); err == nil {
		t.Errorf("the outline has the identities %v", ids)
	}
	if files := p.Files(); len(files) != 2 || files[0].Name != "a.yaml" ||
		string(files[0].Data) != text {
		t.Errorf("the outline was read from %+v", files)
	}
}
