//go:build linux

package wrapper

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/doctor"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestDoctor: `ssa doctor` knows that `ssa run` works on a machine where the
// other tests of this package pass.
func TestDoctor(t *testing.T) {
	out, err := exec.Command(ssatest.SSA(t), "doctor", "--json").Output()
	var r doctor.Report
	if jsonErr := json.Unmarshal(out, &r); jsonErr != nil {
		t.Fatalf("%v, %v:\n%s", err, jsonErr, out)
	}
	if err != nil || !r.RunWorks {
		t.Errorf("ssa doctor: %v, run_works %v", err, r.RunWorks)
	}
	for _, f := range r.Findings {
		if f.Needed && f.State != doctor.Works {
			t.Errorf("%s: %s, %s", f.Feature, f.State, f.Why)
		}
	}
}

// TestDoctorInside: below `ssa run` a second one does not work, and it says so.
func TestDoctorInside(t *testing.T) {
	out, err := ssatest.Run{}.Command(t, ssatest.SSA(t), "doctor").Output()
	text := string(out)
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 {
		t.Errorf("the status is %v, want 1", err)
	}
	for _, want := range []string{"(needed)\n", "already under a seccomp notifier",
		"do: inside `ssa run`", "\nssa run does not work here\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
