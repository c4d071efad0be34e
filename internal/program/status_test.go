package program

import (
	"os"
	"reflect"
	"testing"
)

const sampleStatus = "Name:\tx\nUmask:\t0022\nTgid:\t42\nPid:\t43\nPPid:\t7\nUid:\t1000\t1001\t1002\t1003\n" +
	"Gid:\t10\t11\t12\t13\nGroups:\t4 24 1000 \nCapEff:\t000001ffffffffff\n"

func TestParseStatus(t *testing.T) {
	want := Status{Process: 42, Parent: 7, UIDs: [4]uint32{1000, 1001, 1002, 1003},
		GIDs:   [4]uint32{10, 11, 12, 13},
		Groups: []uint32{4, 24, 1000}, Capabilities: 0x1ffffffffff}
	got, err := parseStatus([]byte(sampleStatus))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("parseStatus = %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"", "Tgid:\t42\n", "Tgid:\tx\n" + sampleStatus[10:],
		sampleStatus[:len(sampleStatus)-20]} {
		if got, err := parseStatus([]byte(bad)); err == nil {
			t.Errorf("parseStatus(%q) = %+v", bad, got)
		}
	}
}

func TestReadStatus(t *testing.T) {
	s, err := ReadStatus(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if s.Process != os.Getpid() || s.Parent != os.Getppid() || int(s.UIDs[1]) != os.Geteuid() {
		t.Errorf("ReadStatus of this process = %+v", s)
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte(sampleStatus))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseStatus(data)
		if err != nil && !reflect.DeepEqual(s, Status{}) {
			t.Errorf("parseStatus gives both %+v and %v", s, err)
		}
	})
}
