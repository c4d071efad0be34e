package target

import (
	"os"
	"testing"
)

func TestOwnIdentity(t *testing.T) {
	own, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	r, err := own.Rights(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.status != nil || !r.OwnNetwork() {
		t.Errorf("our own rights differ from ours: %+v", r)
	}
}
