//go:build cgo

package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// trustedPath returns where a file really is, once neither the file nor any
// folder above it is for others to change: what is there now will be there when
// it is opened. Links are followed once, here; who may change them could only
// choose among such files.
func trustedPath(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(real)
	if err == nil {
		err = trusted(real, info)
	}
	for folder := real; err == nil && folder != "/"; {
		folder = filepath.Dir(folder)
		if info, err = os.Stat(folder); err == nil {
			err = trustedFolder(folder, info)
		}
	}
	return real, err
}

// trusted makes sure that nobody else decides what is in a file.
func trusted(path string, info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case info.Mode().Perm()&0o002 != 0:
		return fmt.Errorf("%s may be written by everyone; chmod o-w it", path)
	case !ours(info):
		return fmt.Errorf("%s belongs to another user, who could change it; chown it", path)
	}
	return nil
}

// trustedFolder makes sure that nobody else decides which file has a name. In a
// folder that is sticky, as /tmp, others do not touch what is ours.
func trustedFolder(path string, info fs.FileInfo) error {
	switch {
	case info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf("the folder %s may be written by everyone, who could replace what is in it; chmod o-w it", path)
	case !ours(info):
		return fmt.Errorf("the folder %s belongs to another user, who could replace what is in it; put the file somewhere else", path)
	}
	return nil
}

// ours reports whether something belongs to root, or to who runs this process.
func ours(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && (owner.Uid == 0 || int(owner.Uid) == os.Geteuid())
}
