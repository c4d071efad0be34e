package revocation

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/trust/revocation/signed"
)

// A local list is looked at again after recheck: whatever keeps it up to date
// replaces the file.
const recheck = 10 * time.Second

// maxFiles bounds the local lists of all policies together.
const maxFiles = 256

// files holds the local lists. Its zero value is empty.
type files struct {
	mu     sync.Mutex
	byPath map[string]*localList
}

type localList struct {
	looked   time.Time
	modified time.Time
	size     int64
	list     *signed.List
	err      error
	told     string // the problem that the log was told of
	// verified remembers which issuers' list this is, by hash of certificate.
	verified map[[sha256.Size]byte]error
}

// askFiles looks into the local lists that are the issuer's.
func (v *View) askFiles(a *signed.Answer, cert, issuer *x509.Certificate, now time.Time) {
	for _, path := range v.rules.Files {
		s, err := v.checker.lookInFile(path, cert, issuer, now)
		var other errOtherAuthority
		switch {
		case errors.As(err, &other):
		case err != nil:
			a.Tried = append(a.Tried, "the revocation list "+path+": "+err.Error())
		case v.rules.Lists || s.Status == signed.Revoked:
			consider(a, s, "the revocation list "+path)
		}
	}
}

// errOtherAuthority says that a list is not about certificates of an issuer.
type errOtherAuthority struct{ error }

func (c *Checker) lookInFile(path string, cert, issuer *x509.Certificate,
	now time.Time) (signed.Statement, error) {
	c.files.mu.Lock()
	defer c.files.mu.Unlock()
	local, err := c.openLocked(path, now)
	if err != nil {
		return signed.Statement{}, err
	}
	if local.err != nil {
		return signed.Statement{}, local.err
	}
	if !local.list.IsOf(issuer) {
		return signed.Statement{}, errOtherAuthority{}
	}
	by := sha256.Sum256(issuer.Raw)
	verdict, known := local.verified[by]
	if !known {
		verdict = local.list.Verify(issuer)
		if len(local.verified) < maxFiles {
			local.verified[by] = verdict
		}
	}
	if verdict != nil {
		return signed.Statement{}, verdict
	}
	return local.list.Status(cert, now)
}

// openLocked returns a list as it is now, or as it was a moment ago.
func (c *Checker) openLocked(path string, now time.Time) (*localList, error) {
	if c.files.byPath == nil {
		c.files.byPath = make(map[string]*localList)
	}
	known := c.files.byPath[path]
	defer func() { c.tellLocked(path, now) }()
	if known != nil && !now.Before(known.looked) && now.Sub(known.looked) < recheck {
		return known, nil
	}
	if known == nil && len(c.files.byPath) >= maxFiles {
		return nil, fmt.Errorf("more than %d local lists", maxFiles)
	}
	info, err := fs.Stat(c.cfg.Files, strings.TrimPrefix(path, "/"))
	if err == nil && !info.Mode().IsRegular() { // opening a pipe would wait
		err = errors.New("it is not a regular file")
	}
	if err == nil && known != nil && known.err == nil && info.ModTime().Equal(known.modified) &&
		info.Size() == known.size {
		known.looked = now
		return known, nil
	}
	fresh := &localList{looked: now, verified: make(map[[sha256.Size]byte]error)}
	if known != nil {
		fresh.told = known.told
	}
	if err == nil {
		fresh.modified, fresh.size = info.ModTime(), info.Size()
		fresh.list, err = readList(c.cfg.Files, path)
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err // its path is without the slash
	}
	fresh.err = err
	c.files.byPath[path] = fresh
	return fresh, nil
}

// problem says why a list is of no use, or only to know who is in it; nil for
// one that is as it should be.
func (l *localList) problem(now time.Time) error {
	if l.err != nil {
		return fmt.Errorf("cannot be used: %w", l.err)
	}
	if err := l.list.Partial(now); err != nil {
		return fmt.Errorf("counts only for those that it names: %w", err)
	}
	return nil
}

// tellLocked warns of a list with a problem, once for each.
func (c *Checker) tellLocked(path string, now time.Time) {
	local := c.files.byPath[path]
	if local == nil {
		return
	}
	text := ""
	if err := local.problem(now); err != nil {
		text = err.Error()
	}
	if text != "" && text != local.told {
		c.cfg.Log.Warn("the revocation list " + path + " " + text)
	}
	local.told = text
}

// Problem says what is wrong with a local list, as a sentence whose subject it
// is; nil for one that is as it should be. The list is read if need be.
func (c *Checker) Problem(path string) error {
	c.files.mu.Lock()
	defer c.files.mu.Unlock()
	now := c.cfg.Now()
	local, err := c.openLocked(path, now)
	if err != nil {
		return fmt.Errorf("cannot be used: %w", err)
	}
	return local.problem(now)
}

func readList(files fs.FS, path string) (*signed.List, error) {
	f, err := files.Open(strings.TrimPrefix(path, "/"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// PEM is a third larger than what it holds.
	data, err := io.ReadAll(io.LimitReader(f, 2*signed.MaxList))
	if err != nil {
		return nil, err
	}
	return signed.ParseList(data)
}
