//go:build linux

package contract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestWeakening: what would weaken the administrator's policy is EPERM, with a
// sentence, and changes nothing; what leaves nothing to use is EINVAL; what is
// stricter is taken.
func TestWeakening(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	for _, test := range []struct {
		name, policy string
		option       int
		value        string // #: an int
		want         string
		before       string // what is read back before and, after a refusal, again
	}{
		{"older minimum", "  versions: {min: \"1.3\"}\n", 111, "#0x0303", "EPERM", "772"},
		{"maximum below the minimum", "  versions: {min: \"1.3\"}\n", 112, "#0x0303", "EPERM", "772"},
		{"newer maximum", "  versions: {max: \"1.2\"}\n", 112, "#0x0304", "EPERM", "771"},
		{"stricter minimum", "", 111, "#0x0304", "0", "771"},
		{"longer sessions", "  sessions: {lifetime: 60s}\n", 91, "#61", "EPERM", "60"},
		{"shorter sessions", "  sessions: {lifetime: 60s}\n", 91, "#59", "0", "60"},
		{"resumption", "  sessions: {resumption: off}\n", 108, "#1", "EPERM", "0"},
		{"clients without certificates", "  server: {client_auth: require}\n", 94, "#0", "EPERM", "1"},
		{"clients with certificates or not", "  server: {client_auth: require}\n", 94, "#2", "EPERM", "1"},
		{"a suite that is not allowed", "  cipher_suites: [TLS_AES_256_GCM_SHA384]\n  versions: {min: \"1.3\"}\n", 110, "TLS_AES_128_GCM_SHA256", "EPERM", ""},
		{"an option that is not allowed", "  program_options: [TLS_REMOTE_HOSTNAME]\n", 90, "h2", "EPERM", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := python(t, ssatest.PolicyWithRoots(t, test.policy, authority.File(t)), `
s = tls()
option, value = int(args[0]), args[1]
before = attempt(s.getsockopt, 205, option)
say("before", before)
settings(s, [f"{option}={value}"])
say("sentence", text(s, ERROR))
say("same", attempt(s.getsockopt, 205, option) == before)
`, test.option, test.value)
			got := p.Finish()
			if p.Stderr() != "" && len(got) == 1 {
				t.Fatal(p.Stderr())
			}
			wantLines(t, got, fmt.Sprintf("%d %s", test.option, test.want),
				fmt.Sprintf("same %s", pythonBool(test.want != "0")))
			if test.before != "" {
				wantLines(t, got, "before "+test.before)
			}
			sentence := lineWith(t, got, "sentence")
			if test.want == "EINVAL" && !strings.Contains(sentence, "is not possible: the policy has versions.min 1.3") {
				t.Errorf("the sentence does not say why: %s", sentence)
			}
			if test.want == "EPERM" && (!strings.Contains(sentence, "is not allowed: the policy has") ||
				!strings.Contains(sentence, "policy.yaml")) {
				t.Errorf("the sentence does not say why: %s", sentence)
			}
		})
	}
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
