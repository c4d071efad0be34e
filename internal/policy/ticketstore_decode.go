package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

const (
	maxTicketStores = 16
	maxSecretFile   = 4096 // bytes, of a secret or a password
	redisPort       = 6379
	maxDatabase     = 1 << 16
)

// storeKeys are the keys of a ticket store.
var storeKeys = []string{"address", "ca", "user", "password_file", "identity", "key_file"}

// ticketStoreMap decodes `ticket_stores`: names with where the store is, how it
// is used, and the secret of the machines that share it.
func (d *decoder) ticketStoreMap(n *yaml.Node) {
	d.mapping(n, ticketStoresKey, func(k, v *yaml.Node) {
		if !d.name(k, "the name of a ticket store", k.Value) {
			return
		}
		store := &TicketStore{Name: k.Value, At: d.at(k)}
		complete := d.ticketStore(v, store)
		switch other := d.stores[k.Value]; {
		case other != nil:
			d.problem(k, "a second ticket store %s, the first is at %s", k.Value, other.At)
			return
		case len(d.stores) == maxTicketStores:
			d.problem(k, "more than %d ticket stores", maxTicketStores)
			return
		}
		d.stores[k.Value] = store
		if complete {
			d.loadStore(store)
		}
	})
}

func (d *decoder) ticketStore(n *yaml.Node, store *TicketStore) (complete bool) {
	what, before := "ticket store "+store.Name, len(d.problems)
	ok := d.mapping(n, what, func(k, v *yaml.Node) {
		if !slices.Contains(storeKeys, k.Value) {
			d.unknown(k, " in "+what, storeKeys)
			return
		}
		text, ok := d.text(v, what+": "+k.Value)
		if !ok {
			return
		}
		switch k.Value {
		case "address":
			if err := d.storeAddress(store, text); err != nil {
				d.problem(v, "%s: address: %v", what, err)
			}
		case "ca":
			store.ca = d.path(text)
		case "user":
			store.User = d.storeUser(v, what, text)
		case "password_file":
			store.passwordFile = d.path(text)
		case "identity":
			store.identityName = text
		case "key_file":
			store.keyFile = d.path(text)
		}
	})
	if !ok || len(d.problems) > before {
		return false
	}
	return d.storeIsWhole(n, what, store)
}

func (d *decoder) storeIsWhole(n *yaml.Node, what string, store *TicketStore) bool {
	before := len(d.problems)
	if store.Path == "" && store.Host == "" || store.keyFile == "" {
		d.problem(n, "%s needs both address and key_file", what)
	}
	if store.User != "" && store.passwordFile == "" {
		d.problem(n, "%s has a user and no password_file", what)
	}
	if store.Path != "" && (store.ca != "" || store.identityName != "") {
		d.problem(n, "%s is a Unix socket: there is no TLS, so ca and identity mean nothing", what)
	}
	return len(d.problems) == before
}

func (d *decoder) storeUser(n *yaml.Node, what, text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) ||
		len(text) > 256 {
		d.problem(n, "%s: user is %q, it must be at most 256 bytes without spaces", what, clip(text))
	}
	return text
}

var errStoreAddress = errors.New("it must be rediss://host, rediss://host:port, either with /database at its end, or the path of a Unix socket")

// storeAddress reads rediss://host:port/database or the path of a socket.
func (d *decoder) storeAddress(store *TicketStore, text string) error {
	if strings.HasPrefix(text, "/") {
		store.Path = text
		return nil
	}
	if strings.HasPrefix(text, "redis://") {
		return errors.New("redis:// is not encrypted, which only a Unix socket may be: write rediss://, and give the store a certificate")
	}
	rest, ok := strings.CutPrefix(text, "rediss://")
	if strings.Contains(text, "@") { // not repeated: it may have a password
		return errors.New("a user and a password do not belong here: they have keys of their own, user and password_file")
	}
	if !ok {
		return fmt.Errorf("%q is not allowed: %w", clip(text), errStoreAddress)
	}
	host, database, _ := strings.Cut(rest, "/")
	if database != "" {
		n, err := strconv.Atoi(database)
		if err != nil || n < 0 || n > maxDatabase {
			return fmt.Errorf("%q has no database number after its slash", clip(text))
		}
		store.Database = n
	}
	at, err := parseDestination(host)
	switch {
	case err != nil:
		return err
	case at.Host == "" && !at.Prefix.IsSingleIP(), strings.HasPrefix(at.Host, "*"):
		return fmt.Errorf("%q is not one host: %w", clip(text), errStoreAddress)
	}
	store.Host, store.Port = at.Host, redisPort
	if at.Host == "" {
		store.Host = at.Prefix.Addr().String()
	}
	if at.Port != 0 {
		store.Port = at.Port
	}
	return nil
}

func addressOf(host string, port uint16) string {
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		host = "[" + host + "]"
	}
	return "rediss://" + host + ":" + strconv.Itoa(int(port))
}

// loadStore reads the files of a store. As with identities, that this process
// may not read them counts once a server needs them.
func (l *loader) loadStore(store *TicketStore) {
	if l.outline {
		store.err = errOutline
		return
	}
	store.err = l.readStore(store)
	if store.err != nil && !errors.Is(store.err, fs.ErrPermission) {
		l.report(store.At, "ticket store "+store.Name+": "+store.err.Error())
	}
}

func (l *loader) readStore(store *TicketStore) error {
	if store.ca != "" {
		roots := &rootFiles{}
		if err := l.readRootsFile(roots, store.ca); err != nil {
			return err
		}
		store.anchors = FixedAnchors(roots.certs...)
	}
	var err error
	if store.secret, err = l.readSecret(store, store.keyFile); err != nil {
		return err
	}
	if err := checkSecret(store.secret); err != nil {
		return fmt.Errorf("%s: %w", store.keyFile, err)
	}
	if store.passwordFile == "" {
		return nil
	}
	data, err := l.readSecret(store, store.passwordFile)
	if err != nil {
		return err
	}
	store.password = strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if store.password == "" || strings.ContainsAny(store.password, "\n\r\x00") {
		return fmt.Errorf("%s: it must have the password in its only line", store.passwordFile)
	}
	return nil
}

// readSecret reads a file that its owner alone should read.
func (l *loader) readSecret(store *TicketStore, path string) ([]byte, error) {
	name := strings.TrimPrefix(path, "/")
	data, err := readRegular(l.files, name, maxSecretFile+1)
	switch {
	case err != nil:
		return nil, fileError(path, err)
	case len(data) > maxSecretFile:
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxSecretFile)
	}
	l.warnOfReaders(store.At, "ticket store "+store.Name, path)
	return data, nil
}

// decodeTicketStore decodes sessions.ticket_store: a name, "" for none.
func decodeTicketStore(d *decoder, n *yaml.Node) change {
	const what = "sessions.ticket_store"
	if d.literal(n) && n.Kind == yaml.ScalarNode && n.Value == "" && !isNull(n) {
		return func(e *Effective) { e.ticketStore = "" }
	}
	text, ok := d.text(n, what)
	if !ok {
		return nil
	}
	return func(e *Effective) { e.ticketStore = text }
}

// lookUpStore finds the store that sessions.ticket_store names.
func (l *loader) lookUpStore(e *Effective) {
	if e.ticketStore == "" {
		return
	}
	store := l.stores[e.ticketStore]
	if store == nil {
		names := slices.Sorted(maps.Keys(l.stores))
		l.report(e.Origin("sessions.ticket_store"), "sessions.ticket_store: no ticket store "+
			clip(e.ticketStore)+" in "+ticketStoresKey+didYouMean(e.ticketStore, names))
		return
	}
	e.TicketStore = store
	store.Retention = max(store.Retention, e.Lifetime)
}
