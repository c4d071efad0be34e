package cryptopolicies

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/secure-socket-api/ssa/internal/policy"
)

// Propose writes a policy file that says what the settings say. The file has
// been loaded: one that would not load is an error.
func (s *Settings) Propose() (string, error) {
	if err := s.reconcile(); err != nil {
		return "", err
	}
	var b strings.Builder
	from := ""
	if s.name != "" {
		from = " (" + s.name + ")"
	}
	fmt.Fprintf(&b, "# A policy proposed from the system-wide crypto-policies%s.\n"+
		"# Behind # is the line that a value comes from. Read it before you use it: it says\n"+
		"# nothing of trust, revocation or programs, and does not follow later changes.\ndefault:\n", from)
	s.writeVersions(&b)
	writeList(&b, "cipher_suites", slices.Concat(s.suites13.v, s.suites12.v),
		places(s.suites13.at, s.suites12.at))
	writeList(&b, "key_exchange", s.groups.v, places(s.groups.at))
	writeList(&b, "signature_algorithms", s.signatures.v, places(s.signatures.at))
	s.writeBits(&b)
	if len(s.notes) > 0 {
		b.WriteString("\n# Not carried over:\n")
	}
	for _, n := range s.notes {
		fmt.Fprintf(&b, "#   %s: %s\n", n.at, n.text)
	}
	if _, err := policy.Parse("/proposal.yaml", []byte(b.String())); err != nil {
		return "", fmt.Errorf("the settings do not make a usable policy: %w", err)
	}
	return b.String(), nil
}

// reconcile drops what a list without anything usable would mean for its
// version of TLS.
func (s *Settings) reconcile() error {
	no12, no13 := s.suites12.said && len(s.suites12.v) == 0, s.suites13.said && len(s.suites13.v) == 0
	switch {
	case no12 && no13:
		return errors.New("the settings leave no cipher suite that ssa has")
	case no12:
		if s.min.v != "1.3" {
			s.note(s.suites12.at, "TLS 1.2: none of its suites there is one that a proposal may have")
		}
		s.min.set("1.3", s.suites12.at)
	case no13:
		s.note(s.suites13.at, "TLS 1.3: none of its suites there is one that ssa has")
		s.max.set("1.2", s.suites13.at)
	}
	if s.min.v == "1.3" && s.max.v == "1.2" {
		return errors.New("the settings leave no version of TLS that ssa has")
	}
	if s.groups.said && len(s.groups.v) == 0 {
		return errors.New("the settings leave no group that ssa has")
	}
	if s.signatures.said && len(s.signatures.v) == 0 {
		return errors.New("the settings leave no signature algorithm that ssa has")
	}
	if s.suites13.said && !s.suites12.said && s.min.v != "1.3" {
		// A list of TLS 1.3 suites alone would turn TLS 1.2 off.
		for _, x := range suites {
			s.suites12.v = append(s.suites12.v, x.name)
		}
	}
	return nil
}

func (s *Settings) writeVersions(b *strings.Builder) {
	if !s.min.said && !s.max.said {
		return
	}
	b.WriteString("  versions:\n")
	for _, bound := range []struct {
		name string
		v    value[string]
	}{{"min", s.min}, {"max", s.max}} {
		if bound.v.said {
			fmt.Fprintf(b, "    %s: %q  # %s\n", bound.name, bound.v.v, bound.v.at)
		}
	}
}

func (s *Settings) writeBits(b *strings.Builder) {
	if !s.rsa.said && !s.ecdsa.said {
		return
	}
	b.WriteString("  min_key_bits:\n")
	if s.rsa.said {
		fmt.Fprintf(b, "    rsa: %d  # %s\n", s.rsa.v, s.rsa.at)
	}
	if s.ecdsa.said {
		fmt.Fprintf(b, "    ecdsa: %d  # %s\n", s.ecdsa.v, s.ecdsa.at)
	}
}

// places lists the places that said something.
func places(all ...Place) string {
	var texts []string
	for _, at := range all {
		if text := at.String(); at != (Place{}) && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, ", ")
}

func writeList(b *strings.Builder, key string, items []string, from string) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, "  %s:  # %s\n", key, from)
	for _, item := range items {
		fmt.Fprintf(b, "    - %s\n", item)
	}
}
