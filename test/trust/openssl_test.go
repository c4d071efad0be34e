//go:build linux

package trust

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

// office is an authority's files for openssl, which signs in its place.
type office struct {
	w         *world
	dir       string
	cert, key string
}

func newOffice(w *world, leaf *x509.Certificate, revoked bool) *office {
	ssatest.Need(w, "openssl")
	o := &office{w: w, dir: w.TempDir(), cert: w.roots[0], key: w.root.KeyFile(w)}
	line := fmt.Sprintf("V\t%s\t\t%X\tunknown\t/CN=leaf\n",
		leaf.NotAfter.UTC().Format("060102150405Z"), leaf.SerialNumber.Bytes())
	if revoked {
		line = fmt.Sprintf("R\t%s\t%s,keyCompromise\t%X\tunknown\t/CN=leaf\n", leaf.NotAfter.UTC().Format("060102150405Z"),
			time.Now().Add(-time.Hour).UTC().Format("060102150405Z"), leaf.SerialNumber.Bytes())
	}
	o.write("index.txt", line)
	o.write("ca.cnf", "[ca]\ndefault_ca = office\n[office]\ndatabase = "+o.path("index.txt")+"\ndefault_md = sha256\ndefault_crl_days = 1\ncrl_extensions = list\n[list]\nauthorityKeyIdentifier = keyid\n")
	return o
}

func (o *office) path(name string) string { return filepath.Join(o.dir, name) }

func (o *office) write(name, text string) {
	if err := os.WriteFile(o.path(name), []byte(text), 0o600); err != nil {
		o.w.Fatal(err)
	}
}

// read runs openssl and returns the file that it wrote.
func (o *office) read(name string, args ...string) []byte {
	if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
		o.w.Errorf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	data, err := os.ReadFile(o.path(name))
	if err != nil {
		o.w.Error(err)
	}
	return data
}

// respond has openssl answer the question that we asked.
func (o *office) respond(out http.ResponseWriter, in *http.Request) {
	question, err := io.ReadAll(in.Body)
	if err != nil {
		o.w.Error(err)
	}
	o.write("question", string(question))
	answer := o.read("answer", "ocsp", "-index", o.path("index.txt"), "-CA", o.cert, "-rsigner",
		o.cert, "-rkey", o.key,
		"-reqin", o.path("question"), "-respout", o.path("answer"), "-ndays", "1")
	if _, err := out.Write(answer); err != nil {
		o.w.Error(err)
	}
}

func (o *office) list(out http.ResponseWriter, _ *http.Request) {
	list := o.read("list", "ca", "-gencrl", "-config", o.path("ca.cnf"), "-cert", o.cert, "-keyfile",
		o.key, "-out", o.path("list"))
	if _, err := out.Write(list); err != nil {
		o.w.Error(err)
	}
}

// TestOpenSSLAuthority: openssl understands our questions, and we its answers
// and lists.
func TestOpenSSLAuthority(t *testing.T) {
	authority := func(responder, revoked bool) func(*world) *tls.Config {
		return func(w *world) *tls.Config {
			w.trust("revocation: require", "revocation_networks: any")
			issued := w.published(responder, !responder)
			o := newOffice(w, issued.Leaf(), revoked)
			w.mux.HandleFunc("/ocsp", o.respond)
			w.mux.HandleFunc("/crl", o.list)
			return with(issued)
		}
	}
	run(t, []site{
		{name: "responder, good", serve: authority(true, false)},
		{name: "responder, revoked", serve: authority(true, true), words: []string{"was revoked on", "key was compromised", "OCSP responder"}},
		{name: "list, good", serve: authority(false, false)},
		{name: "list, revoked", serve: authority(false, true), words: []string{"was revoked on", "key was compromised", "revocation list"}},
	})
}

// TestOpenSSLServers: what only another library still serves.
func TestOpenSSLServers(t *testing.T) {
	ssatest.Need(t, "openssl")
	for _, test := range []struct {
		name   string
		rsa    int
		cipher string
		more   []string
		word   string // "" for a good one
	}{
		{name: "good", cipher: "ECDHE-ECDSA-AES128-GCM-SHA256"},
		{name: "no encryption", rsa: 2048, cipher: "NULL-SHA256@SECLEVEL=0", word: "handshake"},
		{name: "no certificate", cipher: "ADH-AES128-GCM-SHA256@SECLEVEL=0", word: "handshake"},
		{name: "finite-field Diffie-Hellman", rsa: 2048, cipher: "DHE-RSA-AES128-GCM-SHA256@SECLEVEL=0", word: "handshake"},
		{name: "Camellia", rsa: 2048, cipher: "ECDHE-RSA-CAMELLIA128-SHA256@SECLEVEL=0", word: "handshake"},
		{name: "CCM with a short tag", cipher: "ECDHE-ECDSA-AES128-CCM8@SECLEVEL=0", word: "handshake"},
		{name: "handshake signed with SHA-1", rsa: 2048, cipher: "ECDHE-RSA-AES128-GCM-SHA256@SECLEVEL=0", more: []string{"-sigalgs", "RSA+SHA1"}, word: "handshake"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			issued := w.root.Issue(w, ssatest.Leaf{Names: []string{host}, RSA: test.rsa})
			address := sServer(t, append([]string{"-cert", issued.ChainFile(t), "-key", issued.KeyFile(t),
				"-tls1_2", "-cipher", test.cipher}, test.more...)...)
			_, port, _ := strings.Cut(address, ":")
			p := programs.Start(t, ssatest.Run{Policy: w.policyFile(), Verbose: true}.Command(t,
				programs.C(t), "verify", "proto=205", "port="+port, "name="+host))
			if test.word != "" {
				refused(t, p, []string{test.word})
			} else if got := p.Finish(); !strings.Contains(strings.Join(got, "\n"), "connect = 0") {
				t.Errorf("the good server is refused: %q", got)
			}
		})
	}
}

// sServer starts openssl s_server and returns its address.
func sServer(t *testing.T, args ...string) string {
	t.Helper()
	cmd := ssatest.Kill(t, exec.Command("openssl",
		append([]string{"s_server", "-accept", "127.0.0.1:0", "-rev"}, args...)...))
	if _, err := cmd.StdinPipe(); err != nil { // kept open: the server ends with it
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "ACCEPT "); ok {
			return strings.TrimSpace(address)
		}
	}
	t.Fatalf("openssl s_server did not say where it listens: %v", lines.Err())
	return ""
}

// TestOpenSSLTimestamps: openssl agrees that the timestamps of our tests are
// good. Otherwise our own writer and reader might be wrong in the same way.
func TestOpenSSLTimestamps(t *testing.T) {
	ssatest.Need(t, "openssl")
	w := newWorld(t)
	a, b := ssatest.NewLog(t, "log a", "Alpha"), ssatest.NewLog(t, "log b", "Beta")
	before := time.Now().Add(-time.Minute) // openssl's clock here has whole seconds
	section := func(name string, l *ssatest.Log) string {
		return "[" + name + "]\ndescription = " + l.Name + "\nkey = " +
			base64.StdEncoding.EncodeToString(l.Key()) + "\n"
	}
	logs := filepath.Join(t.TempDir(), "logs.cnf")
	if err := os.WriteFile(logs, []byte("enabled_logs = a,b\n"+section("a", a)+section("b", b)),
		0o600); err != nil {
		t.Fatal(err)
	}
	embedded := with(w.root.IssueLogged(t, named(host), a, b))
	sent := with(w.root.Issue(t, named(host)))
	leaf := sent.Certificates[0].Leaf
	sent.Certificates[0].SignedCertificateTimestamps = [][]byte{a.Timestamp(t, leaf, before),
		b.Timestamp(t, leaf, before)}
	stapled := with(w.root.Issue(t, named(host)))
	leaf = stapled.Certificates[0].Leaf
	stapled.Certificates[0].OCSPStaple = w.root.OCSP(t, leaf,
		ssatest.OCSPAnswer{Extensions: []pkix.Extension{
			ssatest.StapledTimestamps(t, a.Timestamp(t, leaf, before), b.Timestamp(t, leaf, before))}})
	for name, config := range map[string]*tls.Config{"embedded": embedded, "in the handshake": sent,
		"stapled": stapled} {
		t.Run(name, func(t *testing.T) {
			l := (&peer.Network{Server: config}).Listen(t)
			cmd := ssatest.Kill(t, exec.Command("openssl", "s_client", "-connect",
				fmt.Sprintf("127.0.0.1:%d", l.Port()), "-servername", host,
				"-CAfile", w.roots[0], "-ct", "-ctlogfile", logs, "-status"))
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if c, err := l.TryAccept(); err == nil {
				c.Close()
			}
			_ = cmd.Wait() // what it printed tells more
			if n := strings.Count(out.String(), "SCT validation status: valid"); n != 2 {
				t.Errorf("openssl finds %d good timestamps, want 2:\n%s", n, out.String())
			}
		})
	}
}
