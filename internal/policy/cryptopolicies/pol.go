package cryptopolicies

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// readPol reads a policy definition, see "CRYPTO POLICY DEFINITION FORMAT" in
// update-crypto-policies(8). What is for other protocols than TLS is passed
// over.
func (s *Settings) readPol(name string, lines []string) {
	a := &allowed{}
	for i := 0; i < len(lines); i++ {
		at := Place{name, i + 1}
		line, _, _ := strings.Cut(lines[i], "#")
		for strings.HasSuffix(strings.TrimSpace(line), "\\") && i+1 < len(lines) {
			i++
			more, _, _ := strings.Cut(lines[i], "#")
			line = strings.TrimSuffix(strings.TrimSpace(line), "\\") + " " + more
			if len(line) > maxSize {
				return
			}
		}
		key, text, ok := assignment(line)
		if !ok {
			continue
		}
		key, scope, scoped := strings.Cut(key, "@")
		if scoped && !forTLS(scope) {
			continue
		}
		s.readPolLine(a, strings.TrimSpace(key), text, at)
	}
	s.setAllowed(a)
}

func (s *Settings) readPolLine(a *allowed, key, text string, at Place) {
	lists := map[string]*value[[]string]{
		"protocol": &a.versions, "cipher": &a.ciphers, "tls_cipher": &a.ciphers, "mac": &a.macs,
		"key_exchange": &a.exchanges, "group": &a.groups, "sign": &a.signatures,
	}
	switch key {
	case "protocol", "cipher", "tls_cipher", "mac", "key_exchange", "group", "sign":
		s.changeList(lists[key], strings.Fields(text), at)
	case "min_tls_version":
		s.setVersion(&s.min, text, at)
	case "min_rsa_size":
		if bits, err := strconv.Atoi(text); err == nil && bits > 0 {
			s.understood++
			s.setRSA(bits, at)
			return
		}
		s.note(at, "min_rsa_size = %s, which is not a size", clip(text))
	case "min_ec_size":
		if bits, err := strconv.Atoi(text); err == nil && bits > 0 {
			s.understood++
			s.setECDSA(bits, at)
			return
		}
		s.note(at, "min_ec_size = %s, which is not a size", clip(text))
	case "sha1_in_certs":
		if text != "0" {
			s.note(at, "signatures with SHA-1 in certificates, which ssa never accepts")
		}
	case "hash", "min_dh_size", "min_dsa_size", "min_tls_version_dtls", "min_dtls_version",
		"arbitrary_dh_groups", "ssh_certs", "ssh_etm", "etm":
	default:
		s.note(at, "%s, for which ssa has no setting", clip(key))
	}
}

// forTLS reports whether a scope, as in cipher@TLS, {SSH,TLS} or !SSH, has what
// OpenSSL does with TLS.
func forTLS(scope string) bool {
	scope = strings.ToLower(strings.TrimSpace(scope))
	rest, not := strings.CutPrefix(scope, "!")
	names := split(strings.Trim(rest, "{}"), ",")
	found := slices.ContainsFunc(names,
		func(name string) bool {
			return name == "tls" || name == "ssl" || name == "openssl" ||
				name == "*"
		})
	return found != not
}

// changeList replaces a list, or changes it by +name, name+ and -name. Names
// may have a * when they are taken away.
func (s *Settings) changeList(to *value[[]string], words []string, at Place) {
	const most = 1000
	if len(words) > most {
		s.note(at, "what comes after the first %d names", most)
		words = words[:most]
	}
	list := slices.Clone(to.v)
	fresh := true
	for _, word := range words {
		name := strings.Trim(word, "+-")
		isMinus, isFirst, isLast := word[0] == '-', word[0] == '+', word[len(word)-1] == '+'
		if fresh && !isMinus && !isFirst && !isLast {
			list, fresh = nil, false // a list of its own
		}
		switch {
		case isMinus:
			list = slices.DeleteFunc(list,
				func(x string) bool { ok, err := path.Match(name, x); return ok && err == nil })
		case strings.ContainsRune(name, '*'):
			s.note(at, "%s: a pattern can only take away", clip(word))
		case isFirst:
			list = append([]string{name}, without(list, name)...)
		default:
			list = append(without(list, name), name)
		}
	}
	to.set(list[:min(len(list), most)], at)
}

func without(list []string, name string) []string {
	return slices.DeleteFunc(list, func(x string) bool { return x == name })
}
