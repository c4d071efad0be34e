package port

import (
	"fmt"
	"net"
	"testing"
)

func TestFree(t *testing.T) {
	n, err := Free()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", n))
	if err != nil {
		t.Fatalf("port %d is not free: %v", n, err)
	}
	l.Close()
	if n < first || n >= after {
		t.Errorf("port %d is one that the kernel gives to anybody", n)
	}
}
