package local_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// idleEnv makes the test binary hold connections to this address, for
// BenchmarkIdle: a peer must not be in the process that is measured.
const idleEnv = "SSA_TEST_IDLE_PEERS"

func TestIdlePeers(t *testing.T) {
	address, count, ok := strings.Cut(os.Getenv(idleEnv), " ")
	if !ok {
		return // it is only for BenchmarkIdle
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	fmt.Println("connected")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// BenchmarkIdle holds b.N connections at once and reports what each costs in
// memory: B/conn of the process, and of Go's heap and stacks once collected.
// Run it as -bench Idle -benchtime 5000x.
func BenchmarkIdle(b *testing.B) {
	a := ssatest.NewAuthority(b)
	id := makeIdentity(b, a.Issue(b, ssatest.Leaf{Names: []string{"a.example"}}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	peers := exec.Command(exe, "-test.run", "^TestIdlePeers$")
	peers.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", idleEnv, listener.Addr(), b.N))
	stop, err := peers.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := peers.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := peers.Start(); err != nil {
		b.Fatal(err)
	}

	e := local.New(local.Config{})
	defer e.Close()
	req := &engine.Request{Role: engine.Server, Policy: effective(),
		Identities: []*identity.Identity{id}}
	before, live := resident(b), collected()
	ended := make(chan struct{})
	programs := make([]net.Conn, b.N)
	for i := range b.N {
		tcp, err := listener.Accept()
		if err != nil {
			b.Fatal(err)
		}
		plaintext, program := plaintextPair(b)
		programs[i] = program
		conn, err := e.Handshake(context.Background(), tcp.(*net.TCPConn), req)
		if err != nil {
			b.Fatal(err)
		}
		go func() {
			engine.RelayToEnd(conn, plaintext, engine.RelayOptions{})
			ended <- struct{}{}
		}()
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "connected\n" {
		b.Fatalf("the peers said %q, %v", line, err)
	}
	b.ReportMetric(float64(resident(b)-before)/float64(b.N), "RSS-B/conn")
	b.ReportMetric(float64(collected()-live)/float64(b.N), "live-B/conn")
	b.ReportMetric(float64(resident(b)-before)/float64(b.N), "collected-RSS-B/conn")
	stop.Close()
	for _, program := range programs {
		program.Close()
	}
	for range b.N {
		<-ended
	}
	if err := peers.Wait(); err != nil {
		b.Fatalf("the peers: %v", err)
	}
}

// collected returns the bytes of the heap and of stacks that are in use.
func collected() int64 {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// resident returns the bytes of the process in memory.
func resident(b *testing.B) int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		ssatest.Missing(b, "a look at the process: "+err.Error())
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
