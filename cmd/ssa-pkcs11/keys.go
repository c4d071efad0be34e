//go:build cgo

package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/uri"
	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

const (
	maxKeys = 4096
	// again is how long a key that could not be opened is left alone.
	again = time.Second
	// tooLong is after what time a module that does not return is given up,
	// and the process with it: its owner starts another.
	tooLong = 30 * time.Second
)

// keys are the keys that the owner has allowed; serve.Keys.
type keys struct {
	// watch ends the process unless the function it returns is called in time. It
	// is for what a module does, not for waiting until others are done with it.
	watch func(what string) (done func())
	load  func(path string) (*module, error)

	mu      sync.Mutex
	allowed map[string]*key
	modules map[string]*module
}

// key is one allowed key, open or not.
type key struct {
	where *uri.URI

	mu       sync.Mutex
	open     *object
	failure  error // of the last attempt to open it
	failedAt time.Time
}

func newKeys(stuck func(what string)) *keys {
	watch := func(what string) func() {
		timer := time.AfterFunc(tooLong, func() { stuck(what) })
		return func() { timer.Stop() }
	}
	return &keys{watch: watch, load: loadModule, allowed: map[string]*key{},
		modules: map[string]*module{}}
}

// Allow lets a key be used.
func (k *keys) Allow(text string) error {
	where, err := uri.Parse(text)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.allowed[text] == nil && len(k.allowed) == maxKeys {
		return errors.New("too many keys on tokens")
	}
	// Allowed again, it is tried again.
	if old := k.allowed[text]; old != nil {
		old.forgive()
		return nil
	}
	k.allowed[text] = &key{where: where}
	return nil
}

// Public returns a public key.
func (k *keys) Public(text string) ([]byte, error) {
	key, err := k.find(text)
	if err != nil {
		return nil, err
	}
	o, err := key.get(k, nil)
	if err != nil {
		return nil, err
	}
	return o.public, nil
}

// Sign signs. When the token was taken out and put back, or its sessions are
// gone for another reason, it is opened again, once.
func (k *keys) Sign(text string, scheme wire.Scheme, data []byte) ([]byte, error) {
	key, err := k.find(text)
	if err != nil {
		return nil, err
	}
	var lost *object
	for {
		o, err := key.get(k, lost)
		if err != nil {
			return nil, err
		}
		signature, err := o.sign(scheme, data)
		if err == nil || lost != nil || !isLost(err) {
			return signature, err
		}
		o.token.drop()
		lost = o
	}
}

func (k *keys) find(text string) (*key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.allowed[text]
	if key == nil {
		return nil, fmt.Errorf("%s is not one of the keys that may be used", text)
	}
	return key, nil
}

// module loads a module, or returns the one loaded.
func (k *keys) module(path string) (*module, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if m := k.modules[path]; m != nil {
		return m, nil
	}
	done := k.watch("being loaded")
	m, err := k.load(path)
	done()
	if err != nil {
		return nil, err
	}
	m.watch = k.watch
	k.modules[path] = m
	return m, nil
}

// get returns the key's object, opened if need be, but not one that was lost.
func (k *key) get(all *keys, lost *object) (*object, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.open != nil && k.open != lost:
		return k.open, nil
	case k.failure != nil && time.Since(k.failedAt) < again:
		return nil, k.failure
	}
	k.open = nil
	m, err := all.module(k.where.Module)
	if err == nil {
		k.open, err = m.find(k.where)
	}
	k.failure, k.failedAt = err, time.Now()
	return k.open, err
}

func (k *key) forgive() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failure = nil
}
