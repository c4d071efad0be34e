//go:build cgo

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Neither a library nor a PIN is taken from where others could put another one.
func TestTrusted(t *testing.T) {
	dir := t.TempDir()
	folder, link := filepath.Join(dir, "folder"), filepath.Join(dir, "link")
	file := filepath.Join(folder, "file")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("1234\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	chmod := func(path string, mode os.FileMode) func() error {
		return func() error { return os.Chmod(path, mode) }
	}
	chown := func(path string) func() error {
		return func() error { return os.Chown(path, 65534, -1) }
	}
	for name, tc := range map[string]struct {
		change func() error
		want   string
		root   bool // only root can try it
	}{
		"good":                      {want: "<nil>"},
		"a file for all":            {change: chmod(file, 0o602), want: file + " may be written by everyone; chmod o-w it"},
		"a folder for all":          {change: chmod(folder, 0o777), want: "the folder " + folder + " may be written by everyone, who could replace what is in it; chmod o-w it"},
		"a sticky folder":           {change: chmod(folder, 0o777|os.ModeSticky), want: "<nil>"},
		"a folder above it for all": {change: chmod(dir, 0o777), want: "the folder " + dir + " may be written by everyone, who could replace what is in it; chmod o-w it"},
		"a file of another":         {change: chown(file), want: file + " belongs to another user, who could change it; chown it", root: true},
		"a folder of another":       {change: chown(folder), want: "the folder " + folder + " belongs to another user, who could replace what is in it; put the file somewhere else", root: true},
	} {
		if tc.root && os.Getuid() != 0 {
			continue
		}
		if tc.change != nil {
			if err := tc.change(); err != nil {
				t.Fatal(err)
			}
		}
		for _, path := range []string{file, link} {
			_, err := readPIN(path)
			want := tc.want
			if want != "<nil>" {
				want = "read the PIN: " + want
			}
			if fmt.Sprint(err) != want {
				t.Errorf("%s: a PIN in %s: %v, want %s", name, path, err, want)
			}
			_, err = loadModule(path)
			if want = tc.want; want == "<nil>" {
				want = file + " is not a PKCS #11 library, or a library that it needs is missing"
			}
			if want = "load the module: " + want; fmt.Sprint(err) != want {
				t.Errorf("%s: a module in %s: %v, want %s", name, path, err, want)
			}
		}
		for _, err := range []error{os.Chown(file, os.Getuid(), -1), os.Chown(folder, os.Getuid(), -1),
			os.Chmod(file, 0o600), os.Chmod(folder, 0o755), os.Chmod(dir, 0o755)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := readPIN(dir); fmt.Sprint(err) != "read the PIN: "+dir+" is not a regular file" {
		t.Errorf("a folder as PIN: %v", err)
	}
}
