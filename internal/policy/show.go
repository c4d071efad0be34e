package policy

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/secure-socket-api/ssa/abi"
)

// Setting is one key of an effective value, as a policy file would have it.
type Setting struct {
	Key   string // dotted, for example "versions.min"
	Value string // YAML in one line
	At    Position
}

// Settings lists all keys in the order of the file. It prints the policy's own
// value: of a tightened one, what the program changed is included, and At is
// still the policy's.
func (e *Effective) Settings() []Setting {
	var all []Setting
	for _, k := range keys() {
		show := shown[k.name]
		if show == nil {
			panic("policy: shown (show.go) does not say how to print the key " + k.name)
		}
		all = append(all, Setting{k.name, show(e), e.Origin(k.name)})
	}
	return all
}

// shown prints the value of each key.
var shown = map[string]func(*Effective) string{
	"versions.min":  func(e *Effective) string { return strconv.Quote(versionName(e.MinVersion)) },
	"versions.max":  func(e *Effective) string { return strconv.Quote(versionName(e.MaxVersion)) },
	"cipher_suites": (*Effective).suitesText,
	"key_exchange":  func(e *Effective) string { return showNamed(groups, e.KeyExchange) },
	"signature_algorithms": func(e *Effective) string {
		return showNamed(signatures, e.SignatureAlgorithms)
	},
	"min_key_bits.rsa":   func(e *Effective) string { return strconv.Itoa(e.MinRSABits) },
	"min_key_bits.ecdsa": func(e *Effective) string { return strconv.Itoa(e.MinECDSABits) },

	"peers.allow":                     func(e *Effective) string { return showList(e.PeersAllowed, Destination.String) },
	"peers.deny":                      func(e *Effective) string { return showList(e.PeersDenied, Destination.String) },
	"trust.roots":                     func(e *Effective) string { return showList(e.roots, func(s string) string { return s }) },
	"trust.program_roots":             func(e *Effective) string { return e.ProgramRoots.String() },
	"trust.max_depth":                 func(e *Effective) string { return strconv.Itoa(e.MaxDepth) },
	"trust.revocation":                func(e *Effective) string { return e.Revocation.String() },
	"trust.revocation_networks":       func(e *Effective) string { return pick(e.RevocationAnywhere, "any", "public") },
	"trust.revocation_timeout":        func(e *Effective) string { return showTime(e.RevocationTimeout) },
	"trust.crl_files":                 func(e *Effective) string { return showList(e.CRLFiles, func(s string) string { return s }) },
	"trust.transparency":              func(e *Effective) string { return pick(e.Transparency, "require", "off") },
	"trust.transparency_logs":         func(e *Effective) string { return strconv.Quote(e.TransparencyLogs) },
	"trust.pins":                      showPins,
	verifyKey:                         func(e *Effective) string { return onOffText(!e.SkipVerify) },
	"sessions.resumption":             func(e *Effective) string { return onOffText(e.Resumption) },
	"sessions.lifetime":               func(e *Effective) string { return showTime(e.Lifetime) },
	"sessions.shared_by":              func(e *Effective) string { return e.SharedBy.String() },
	"sessions.ticket_store":           func(e *Effective) string { return strconv.Quote(e.ticketStore) },
	"server.identity":                 showServerIdentity,
	"server.client_auth":              func(e *Effective) string { return e.ClientAuth.String() },
	"server.alpn":                     func(e *Effective) string { return showList(e.ServerALPN, func(s string) string { return s }) },
	"server.ocsp_stapling":            func(e *Effective) string { return onOffText(e.OCSPStapling) },
	"program_options":                 showProgramOptions,
	"plain_tcp":                       showPlainTCP,
	"upgrade":                         func(e *Effective) string { return "[" + joined(e.Upgrade, Upgrade.String) + "]" },
	"truncation":                      func(e *Effective) string { return pick(e.SloppyEnd, "end", "error") },
	"limits.connections":              func(e *Effective) string { return strconv.Itoa(e.Connections) },
	"limits.handshakes":               func(e *Effective) string { return strconv.Itoa(e.Handshakes) },
	"limits.handshake_timeout":        func(e *Effective) string { return showTime(e.HandshakeTimeout) },
	"limits.client_handshake_timeout": func(e *Effective) string { return showTime(e.ClientHandshakeTimeout) },
}

func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

func showTime(v time.Duration) string {
	if v == 0 {
		return "0s"
	}
	return short(v)
}

// showNamed prints values by their names in a table.
func showNamed[T comparable](table []named[T], values []T) string {
	return "[" + joined(values, func(v T) string {
		for _, row := range table {
			if row.value == v {
				return row.name
			}
		}
		return "unknown"
	}) + "]"
}

// showList prints values as quoted strings.
func showList[T any](values []T, text func(T) string) string {
	return "[" + joined(values, func(v T) string { return strconv.Quote(text(v)) }) + "]"
}

func joined[T any](values []T, text func(T) string) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = text(v)
	}
	return strings.Join(texts, ", ")
}

func showPins(e *Effective) string {
	return "{" + joined(slices.Sorted(maps.Keys(e.Pins)), func(host string) string {
		return strconv.Quote(host) + ": [" + joined(e.Pins[host], func(p Pin) string {
			return "sha256/" + base64.StdEncoding.EncodeToString(p[:])
		}) + "]"
	}) + "}"
}

func showProgramOptions(e *Effective) string {
	if e.ProgramOptions == nil {
		return "all"
	}
	return "[" + joined(e.ProgramOptions, abi.Option.String) + "]"
}

func showPlainTCP(e *Effective) string {
	switch e.PlainTCP.Mode {
	case PlainTCPAllow:
		return "allow"
	case PlainTCPList:
		return showList(e.PlainTCP.To, Destination.String)
	default:
		return "deny"
	}
}

// String returns the destination as a policy file has it.
func (d Destination) String() string {
	text := d.Host
	if d.Host == "" {
		text = d.Prefix.String()
		if d.Port != 0 && d.Prefix.Addr().Is6() {
			text = "[" + text + "]"
		}
	}
	if d.Port != 0 {
		text += ":" + strconv.Itoa(int(d.Port))
	}
	return text
}

// String returns the item as a policy file has it.
func (u Upgrade) String() string {
	return "{to: " + strconv.Quote(u.To.String()) + ", port: " + strconv.Itoa(int(u.Port)) +
		", name: " + strconv.Quote(u.Name) + "}"
}
