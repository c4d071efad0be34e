package cryptopolicies

import (
	"slices"
	"strconv"
	"strings"

	"github.com/secure-socket-api/ssa/internal/policy"
)

// readOpenSSL reads opensslcnf.config: lines of OpenSSL's configuration, see
// SSL_CONF_cmd(3).
func (s *Settings) readOpenSSL(name string, lines []string) {
	for i, line := range lines {
		at := Place{name, i + 1}
		key, text, ok := assignment(line)
		if !ok {
			if strings.HasPrefix(strings.TrimSpace(line), "[") {
				return // other sections are not about TLS
			}
			continue
		}
		switch strings.ToLower(key) {
		case "cipherstring":
			s.readCipherString(text, at)
		case "ciphersuites":
			s.setNamed(&s.suites13, "TLS 1.3 suites", split(text, ":"), suite13, at)
		case "tls.minprotocol", "minprotocol":
			s.setVersion(&s.min, text, at)
		case "tls.maxprotocol", "maxprotocol":
			s.setVersion(&s.max, text, at)
		case "groups", "curves":
			s.setNamed(&s.groups, "groups", opensslGroups(text), group, at)
		case "signaturealgorithms":
			s.setNamed(&s.signatures, "signature algorithms", opensslSignatures(text), signature, at)
		default:
			if !strings.HasPrefix(strings.ToLower(key), "dtls.") {
				s.note(at, "%s, for which ssa has no setting", clip(key))
			}
		}
	}
}

// assignment splits "key = value" with an optional comment.
func assignment(line string) (key, text string, ok bool) {
	line, _, _ = strings.Cut(line, "#")
	key, text, ok = strings.Cut(line, "=")
	return strings.TrimSpace(key), strings.TrimSpace(text), ok
}

func split(text, separators string) []string {
	return strings.FieldsFunc(text,
		func(r rune) bool { return strings.ContainsRune(separators, r) || r == ' ' || r == '\t' })
}

// opensslGroups splits a list of groups: * and ? before a name, and / for :,
// are of OpenSSL 3.5; they say for which groups a client sends key shares.
func opensslGroups(text string) []string {
	var names []string
	for _, name := range split(text, ":/") {
		names = append(names, strings.TrimLeft(name, "*?"))
	}
	return names
}

func opensslSignatures(text string) []string {
	var names []string
	for _, name := range split(text, ":") {
		names = append(names, strings.TrimLeft(name, "?"))
	}
	return names
}

// setVersion notes the oldest or newest version. Older than TLS 1.2 is not to
// be had.
func (s *Settings) setVersion(to *value[string], text string, at Place) {
	v := version(text)
	switch {
	case v == "":
		s.note(at, "the version %s, which is not a TLS version", clip(text))
		return
	case v == "old" && to == &s.max:
		s.note(at, "the newest version %s: ssa has nothing older than TLS 1.2", clip(text))
		v = "1.2"
	case v == "old":
		s.note(at, "the oldest version %s: ssa has nothing older than TLS 1.2", clip(text))
		v = "1.2"
	}
	s.understood++
	to.set(v, at)
}

// levels are the smallest keys of OpenSSL's security levels, see
// SSL_CTX_set_security_level(3).
var levels = map[int]struct{ rsa, ecdsa, bits int }{
	1: {1024, 160, 80}, 2: {2048, 224, 112}, 3: {3072, 256, 128}, 4: {7680, 384, 192}, 5: {15360, 512, 256},
}

// readCipherString works through a cipher string as openssl-ciphers(1) has it,
// over the suites of TLS 1.2 that ssa has.
func (s *Settings) readCipherString(text string, at Place) {
	list := cipherList{killed: map[string]bool{}}
	level := 1
	for _, word := range split(text, ":,;") {
		switch {
		case strings.HasPrefix(word, "@SECLEVEL="):
			n, err := strconv.Atoi(strings.TrimPrefix(word, "@SECLEVEL="))
			if _, known := levels[n]; err == nil && known {
				level = n
				s.setRSA(levels[n].rsa, at)
				s.setECDSA(levels[n].ecdsa, at)
				continue
			}
			s.note(at, "%s, for which ssa has no setting", clip(word))
		case strings.HasPrefix(word, "@"):
			s.note(at, "%s, for which ssa has no setting", clip(word))
		default:
			s.applyCipherWord(&list, word, at)
		}
	}
	list.active = slices.DeleteFunc(list.active,
		func(x suite) bool { return x.bits < levels[level].bits })
	s.noteExchanges(list.others, at)
	s.understood++
	s.setSuites12(list.active, at)
}

// setSuites12 keeps the suites that a proposal may have.
func (s *Settings) setSuites12(active []suite, at Place) {
	names, left := []string{}, []string{}
	for _, x := range active {
		if strings.HasSuffix(x.cipher, "-CBC") {
			left = append(left, x.name)
		} else {
			names = append(names, x.name)
		}
	}
	if len(left) > 0 {
		s.note(at, "suites with CBC, which are weaker than the built-in ones; add them only for peers that need them: %s", strings.Join(left, ", "))
	}
	s.suites12.set(names, at)
}

// setRSA notes the smallest RSA key, where it is not below the built-in one.
func (s *Settings) setRSA(bits int, at Place) {
	if bits < policy.DefaultMinRSABits {
		s.note(at, "RSA keys of %d bits: the built-in least of %d stays", bits, policy.DefaultMinRSABits)
		return
	}
	s.rsa.set(bits, at)
}

// setECDSA notes the smallest ECDSA key in the same way.
func (s *Settings) setECDSA(bits int, at Place) {
	if bits < policy.DefaultMinECDSABits {
		s.note(at, "ECDSA keys of %d bits: the built-in least of %d stays", bits, policy.DefaultMinECDSABits)
		return
	}
	s.ecdsa.set(bits, at)
}
