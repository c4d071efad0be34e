//go:build suites

package suites

import (
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// pythonModules are those of CPython's own tests that use TCP sockets of this
// machine.
var pythonModules = []string{
	"test_socket", "test_socketserver", "test_selectors", "test_select", "test_poll", "test_epoll",
	"test_asyncio",
	"test_asyncore", "test_asynchat", "test_httplib", "test_httpservers", "test_ftplib",
	"test_telnetlib", "test_poplib",
	"test_smtplib", "test_imaplib", "test_nntplib", "test_xmlrpc", "test_urllib2_localnet",
	"test_wsgiref", "test_docxmlrpc",
}

// python is that of the distribution, whose tests are a package of its.
const python = "/usr/bin/python3"

func pythonSuite(module string) suite {
	return suite{name: module, read: readJUnit, version: pythonVersion,
		command: func(t *testing.T, tls bool, report string) *exec.Cmd {
			ssatest.Need(t, python, "cc")
			// Left out: what waits for a hypervisor, and for the Internet.
			args := []string{"-m", "test", "-v", "--timeout", "120", "--junit-xml", report, "-i", "*VSOCK*"}
			if module == "test_socketserver" { // it wants a network, and uses loopback alone
				args = append(args, "-u", "network")
			}
			cmd := exec.Command(python, append(args, module)...)
			cmd.Dir = t.TempDir()
			cmd.Env = os.Environ()
			if tls {
				cmd.Env = append(cmd.Env, "LD_PRELOAD="+everythingTLS(t))
			}
			return cmd
		}}
}

func pythonVersion(t *testing.T) string {
	return strings.TrimSpace(ssatest.Output(t, exec.Command(python, "--version")))
}

// everythingTLS builds the library of preload/everything_tls.c.
func everythingTLS(t *testing.T) string {
	return ssatest.Artifact(t, "everything_tls.so", func(out string) error {
		include, err := filepath.Abs("../../include")
		if err != nil {
			return err
		}
		text, err := exec.Command("cc", "-shared", "-fPIC", "-O1", "-I"+include, "-o", out,
			"preload/everything_tls.c").CombinedOutput()
		if err != nil {
			return fmt.Errorf("cc: %w\n%s", err, text)
		}
		return nil
	})
}

// readJUnit reads the outcomes of CPython's tests.
func readJUnit(_, report string) (outcomes, error) {
	text, err := os.ReadFile(report)
	if err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	var found struct {
		Cases []struct {
			Name    string    `xml:"name,attr"`
			Skipped *struct{} `xml:"skipped"`
			Failure *struct{} `xml:"failure"`
			Error   *struct{} `xml:"error"`
		} `xml:"testsuite>testcase"`
	}
	if err := xml.Unmarshal(text, &found); err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	got := outcomes{}
	for _, c := range found.Cases {
		if c.Skipped == nil {
			ok, before := c.Failure == nil && c.Error == nil, true
			if was, twice := got[c.Name]; twice {
				before = was
			}
			got[c.Name] = ok && before
		}
	}
	return got, nil
}
