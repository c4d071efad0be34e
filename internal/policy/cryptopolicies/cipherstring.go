package cryptopolicies

import (
	"slices"
	"strings"
)

// cipherList is the list that a cipher string builds, word by word.
type cipherList struct {
	active []suite
	killed map[string]bool // by !, for good
	others []string        // key exchanges asked for that ssa does not have
}

// otherKeyExchanges are words for suites that ssa does not have, since they
// have no forward secrecy or need what nobody has set up.
var otherKeyExchanges = []string{"kRSA", "RSA", "kEDH", "kDHE", "EDH", "DHE", "kPSK", "PSK",
	"kDHEPSK", "kECDHEPSK", "kRSAPSK", "SRP", "kSRP", "aPSK"}

// otherWords are words that no suite of ours is meant by.
var otherWords = []string{
	"aDSS", "DSS", "3DES", "DES", "RC4", "RC2", "IDEA", "SEED", "eNULL", "NULL", "aNULL", "MD5",
	"SHA256", "SHA384",
	"CAMELLIA", "CAMELLIA128", "CAMELLIA256", "ARIA", "ARIA128", "ARIA256", "AESCCM", "AESCCM8",
	"CBC", "EXP", "EXPORT", "LOW", "MEDIUM",
	"COMPLEMENTOFDEFAULT", "COMPLEMENTOFALL", "ADH", "AECDH", "GOST94", "GOST89MAC", "aGOST", "kGOST",
	"ARIAGCM", "SSLv2",
}

// applyCipherWord works through one word: an operator and words joined by +.
func (s *Settings) applyCipherWord(list *cipherList, word string, at Place) {
	operator, rest := byte(0), word
	if strings.IndexByte("!-+", word[0]) >= 0 {
		operator, rest = word[0], word[1:]
	}
	names := strings.Split(rest, "+")
	for _, name := range names {
		switch {
		case slices.Contains(otherWords, name):
		case slices.Contains(otherKeyExchanges, name):
			if operator == 0 && !slices.Contains(list.others, name) {
				list.others = append(list.others, name)
			}
		case slices.ContainsFunc(all(), func(x suite) bool { return x.is(name) }):
		default:
			s.note(at, "%s in the cipher string, which is not a suite that ssa has", clip(name))
		}
	}
	list.apply(operator, func(x suite) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return !x.is(name) })
	})
}

// all are the suites a word may mean, in the order of OpenSSL.
func all() []suite { return slices.Concat(suites, cbc) }

// is reports whether a word of a cipher string is for the suite.
func (x suite) is(word string) bool {
	switch word {
	case "ALL", "DEFAULT", "HIGH", "FIPS", "ECDHE", "EECDH", "kEECDH", "kECDHE", x.name, x.iana,
		"a" + x.auth:
		return true
	case "ECDSA":
		return x.auth == "ECDSA"
	}
	return slices.Contains(strings.Fields(x.tags), word)
}

func (l *cipherList) apply(operator byte, has func(suite) bool) {
	var kept, moved []suite
	for _, x := range l.active {
		if has(x) && operator != 0 {
			moved = append(moved, x)
		} else {
			kept = append(kept, x)
		}
	}
	switch operator {
	case '+':
		l.active = append(kept, moved...)
	case '-':
		l.active = kept
	case '!':
		l.active = kept
		for _, x := range all() {
			if has(x) {
				l.killed[x.name] = true
			}
		}
	default:
		for _, x := range all() {
			if has(x) && !l.killed[x.name] && !slices.Contains(l.active, x) {
				l.active = append(l.active, x)
			}
		}
	}
}
