//go:build linux

package tickets

import (
	"context"
	"crypto/tls"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

var versions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

// TestTwoMachines: a session made on one machine resumes on the other, both
// ways, and on one that is started later.
func TestTwoMachines(t *testing.T) {
	f := newFarm(t)
	f.startRedis("no")
	a, b := f.machine(f.policy(f.store(nil), "")), f.machine(f.policy(f.store(nil), ""))
	f.become("sessions pass between the machines",
		func() bool { return f.passes(a, b, tls.VersionTLS13) }, a, b)
	for _, version := range versions {
		if !f.passes(a, b, version) || !f.passes(b, a, version) {
			t.Errorf("%s: a session does not pass both ways", tls.VersionName(version))
		}
	}
	c := f.machine(f.policy(f.store(nil), ""))
	f.become("sessions pass to a machine that was started later", func() bool { return f.passes(a, c, tls.VersionTLS13) }, a, c)
	f.openssl(a, b)
}

// openssl does the same with another implementation.
func (f *farm) openssl(a, b *machine) {
	f.t.Helper()
	ssatest.Need(f.t, "openssl")
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		file := filepath.Join(f.t.TempDir(), "session")
		for i, m := range []*machine{a, b} {
			args := []string{"s_client", "-connect", "127.0.0.1:" + strconv.Itoa(m.port), "-servername",
				name, "-CAfile", f.roots,
				"-verify_return_error", "-verify_hostname", name, version}
			want := "New, TLS"
			if i == 0 {
				args = append(args, "-sess_out", file)
			} else {
				args, want = append(args, "-sess_in", file), "Reused, TLS"
			}
			cmd := ssatest.Kill(f.t, exec.Command("openssl", append(args, "-ign_eof")...))
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), want) ||
				!strings.Contains(string(out), "hello") {
				f.t.Errorf("%s, connection %d: %v; want %q in\n%s\nssa:\n%s", version, i+1, err, want, out, m.said)
			}
		}
	}
}

// TestUnixSocket: the store is on this machine. The client certificate that the
// other way asks for is part of TestClientCertificate.
func TestUnixSocket(t *testing.T) {
	f := newFarm(t)
	f.startRedis("no")
	store := f.store(map[string]string{"address": f.redis.socket, "ca": ""})
	a, b := f.machine(f.policy(store, "")), f.machine(f.policy(f.store(nil), ""))
	f.become("sessions pass to a machine that reaches the store in another way", func() bool { return f.passes(a, b, tls.VersionTLS13) }, a, b)
}

func TestClientCertificate(t *testing.T) {
	f := newFarm(t)
	f.startRedis("yes")
	mine := f.authority.Issue(t, ssatest.Leaf{Subject: "machine", Client: true})
	with := f.store(map[string]string{"identity": "me"})
	identities := fmt.Sprintf("  me: {chain: %q, key: %q}\n", mine.ChainFile(t), mine.KeyFile(t))
	a, b := f.machine(f.policy(identities+with, "")), f.machine(f.policy(identities+with, ""))
	f.become("sessions pass between machines with certificates", func() bool { return f.passes(a, b, tls.VersionTLS13) }, a, b)

	without := f.machine(f.policy(f.store(nil), ""))
	f.become("it is told that the store wants a certificate", func() bool {
		return !f.passes(a, without, tls.VersionTLS13) && warned(without, `alert|certificate`)
	}, without)
}

// warned says whether a machine has told that the store cannot be used, and why.
func warned(m *machine, why string) bool {
	return regexp.MustCompile(`the ticket store farm \(.*\) cannot be used: .*(` + why + `).*; until it can, sessions of other machines cost a full handshake`).
		MatchString(m.said.String())
}

// TestNothingPasses: machines that do not have everything in common make full
// handshakes, and each goes on resuming its own sessions.
func TestNothingPasses(t *testing.T) {
	f := newFarm(t)
	f.startRedis("no")
	good, second := f.machine(f.policy(f.store(nil), "")), f.machine(f.policy(f.store(nil), ""))
	f.become("sessions pass between good machines",
		func() bool { return f.passes(good, second, tls.VersionTLS13) }, good, second)
	stranger := ssatest.NewAuthority(t)
	other := *f
	issued := f.authority.Issue(t, ssatest.Leaf{Names: []string{name}})
	other.chain, other.key = issued.ChainFile(t), issued.KeyFile(t)
	closed := strconv.Itoa(ssatest.FreePort(t))
	asking := f.write("policy.yaml", []byte(strings.Replace(readFile(t, f.policy(f.store(nil), "")),
		"{identity: www}", "{identity: www, client_auth: request}", 1)))
	for _, tc := range []struct{ name, policy, warning string }{
		{name: "another secret", policy: f.policy(f.store(map[string]string{"key_file": f.write("ticket.key", newSecret(t))}), "")},
		{name: "another certificate", policy: other.policy(f.store(nil), "")},
		{name: "another policy", policy: f.policy(f.store(nil), "  min_key_bits: {rsa: 3072}\n")},
		{name: "client certificates", policy: asking},
		{name: "another database", policy: f.policy(f.store(map[string]string{"address": "rediss://localhost:" + strconv.Itoa(f.redis.port) + "/3"}), "")},
		{"wrong password",
			f.policy(f.store(map[string]string{"password_file": f.write("password", []byte("wrong\n"))}),
				""),
			"signing in as ssa: the server refused it: WRONGPASS"},
		{"no password", f.policy(f.store(map[string]string{"user": "", "password_file": ""}), ""), "the server refused it: NOAUTH"},
		{"wrong authority", f.policy(f.store(map[string]string{"ca": stranger.File(t)}), ""), "the certificate of localhost was issued by"},
		{"wrong name", f.policy(f.store(map[string]string{"address": "rediss://127.0.0.1:" + strconv.Itoa(f.redis.port)}), ""), "127.0.0.1"},
		{"nobody there", f.policy(f.store(map[string]string{"address": "rediss://localhost:" + closed}), ""), "connection refused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := f.in(t)
			m := f.machine(tc.policy)
			if !f.passes(m, m, tls.VersionTLS13) {
				t.Error("it does not resume its own sessions")
			}
			if tc.warning != "" {
				f.become("it is told what is wrong", func() bool { return warned(m, tc.warning) }, m)
			} else {
				// It has had the time to fetch keys when another, started later, has.
				witness := f.machine(f.policy(f.store(nil), ""))
				f.become("sessions pass to a witness",
					func() bool { return f.passes(good, witness, tls.VersionTLS13) }, witness)
			}
			for _, version := range versions {
				if f.passes(good, m, version) || f.passes(m, good, version) {
					t.Errorf("%s: a session passes", tls.VersionName(version))
				}
			}
			if !f.passes(m, m, tls.VersionTLS13) {
				t.Error("it does not resume its own sessions any more")
			}
		})
	}
}

// TestStoreDies: the store is killed under load and comes back empty. No
// handshake fails, and then machines agree again.
func TestStoreDies(t *testing.T) {
	f := newFarm(t)
	f.startRedis("no")
	policy := f.policy(f.store(nil), "")
	a, b := f.machine(policy), f.machine(policy)
	f.become("sessions pass between the machines",
		func() bool { return f.passes(a, b, tls.VersionTLS13) }, a, b)

	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var mu sync.Mutex
	visits, resumed, failures := 0, 0, []error{}
	for i := range 4 {
		load.Go(func() {
			cfg := f.client(versions[i%2])
			for ctx.Err() == nil {
				for _, m := range []*machine{a, b} {
					did, err := visit(m, cfg)
					mu.Lock()
					if visits++; did {
						resumed++
					}
					if err != nil {
						failures = append(failures, err)
					}
					mu.Unlock()
				}
			}
		})
	}
	f.redis.kill()
	late := f.machine(policy) // has never seen the store
	if f.passes(a, late, tls.VersionTLS13) {
		t.Error("a session passes to a machine that cannot have the key")
	}
	f.become("it is told that the store is down",
		func() bool { return warned(late, "connection refused") }, late)
	if !f.passes(a, b, tls.VersionTLS13) {
		t.Error("machines that have the key of the hour do not use it while the store is down")
	}
	f.redis.start()
	f.become("sessions pass again", func() bool {
		return f.passes(late, late, tls.VersionTLS13) &&
			strings.Contains(late.said.String(), "can be used again")
	}, late)
	cancel()
	load.Wait()
	if len(failures) > 0 || visits == 0 || resumed == 0 {
		t.Errorf("of %d visits %d resumed and %d failed, first with %v\n%s", visits, resumed, len(failures), append(failures, nil)[0], a.said)
	}
	t.Logf("%d visits, %d resumed, %d failed", visits, resumed, len(failures))
}

// TestWhatRedisHas: nothing that a machine writes there is one of its secrets,
// and everything goes away by itself.
func TestWhatRedisHas(t *testing.T) {
	ssatest.Need(t, "redis-cli")
	f := newFarm(t)
	f.startRedis("no")
	policy := f.policy(f.store(nil), "")
	a, b := f.machine(policy), f.machine(policy)
	f.become("sessions pass between the machines",
		func() bool { return f.passes(a, b, tls.VersionTLS13) }, a, b)
	cli := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("redis-cli", append([]string{"-s", f.redis.socket, "--user", "operator",
			"--pass", "operator", "--no-auth-warning"}, args...)...)
		return ssatest.Output(t, cmd)
	}
	names := strings.Fields(cli("--scan"))
	// A key of a day's lifetime makes tickets for six hours.
	if len(names) != 8 && len(names) != 9 { // an hour may have begun meanwhile
		t.Errorf("the store has %q, want the seeds of six hours ago, up to that of the next hour", names)
	}
	secret := readFile(t, f.secret)
	for _, entry := range names {
		if !regexp.MustCompile(`^ssa:tickets:[0-9a-f]{16}:[0-9]+$`).MatchString(entry) {
			t.Errorf("the store has %q", entry)
		}
		value := strings.TrimSuffix(cli("get", entry), "\n")
		if strings.Contains(value, secret) || len(value) != 73 {
			t.Errorf("%s has %d bytes, or the secret; want 73 without it", entry, len(value))
		}
		if ttl, err := strconv.Atoi(strings.TrimSpace(cli("ttl", entry))); err != nil || ttl < 17*3600 ||
			ttl > 27*3600 {
			t.Errorf("%s goes away in %d seconds (%v), want 17 to 27 hours", entry, ttl, err)
		}
	}
}
