package monitor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// modeEnv says what a child of the test binary is.
const modeEnv = "SSA_MONITOR_MODE"

func TestMain(m *testing.M) {
	mode := os.Getenv(modeEnv)
	if mode == "" {
		os.Exit(m.Run())
	}
	if err := modes[mode](); err != nil {
		fmt.Fprintln(os.Stderr, mode+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

var modes = map[string]func() error{
	"serve":    serve,
	"fail":     func() error { return errors.New("as told") },
	"nonsense": nonsense,
	"stubborn": stubborn,
	"monitor":  monitorOfStubborn,
}

// serve is a worker that does what lines over its first inherited descriptor
// say, and answers by lines. The second one is the pidfd to ask for.
func serve() error {
	file := os.NewFile(InheritedFD, "commands")
	conn, err := net.FileConn(file)
	file.Close() // else nobody sees the end of this process by it
	if err != nil {
		return err
	}
	defer conn.Close()
	say := func(format string, args ...any) { fmt.Fprintf(conn, format+"\n", args...) }
	client, err := NewClient(sys.Own(SocketFD), func(name string, f *os.File) {
		line, _ := bufio.NewReader(f).ReadString('\n')
		say("file %s %s", name, strings.TrimSpace(line))
		f.Close()
	})
	if err != nil {
		return err
	}
	go client.Run() //nolint:errcheck // the end of this process is the end of it
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, unix.SIGTERM)
	commands := make(chan string)
	go func() {
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			commands <- lines.Text()
		}
	}()
	for {
		select {
		case p, ok := <-client.Policies():
			if !ok {
				return errors.New("the monitor has gone")
			}
			if p.Bundle != nil {
				data, err := fs.ReadFile(p.Bundle, "etc/policy")
				say("policy %s %v", data, err)
			}
			if p.Kept != nil {
				say("kept %v", p.Kept)
			}
			p.Done(nil)
		case command := <-commands:
			if err := obey(command, client, say); errors.Is(err, errEnd) {
				return nil
			} else if err != nil {
				return err
			}
		case <-terminated:
			say("terminated")
			return nil
		}
	}
}

// errEnd ends a worker as if it had been told to.
var errEnd = errors.New("the end")

func obey(command string, client *Client, say func(string, ...any)) error {
	if n, ok := strings.CutPrefix(command, "look often "); ok {
		times, err := strconv.Atoi(n)
		for range times {
			if _, lookErr := client.Identify(sys.Own(InheritedFD + 1)); lookErr != nil {
				return lookErr
			}
		}
		say("looked")
		return err
	}
	switch command {
	case "look without waiting":
		go client.Identify(sys.Own(InheritedFD + 1)) //nolint:errcheck // it hangs
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
			client.mu.Lock()
			asked := len(client.asked)
			client.mu.Unlock()
			if asked == 1 { // the question is under way
				say("asked")
				return nil
			}
		}
		return errors.New("the question was not asked")
	case "ready":
		return client.Ready()
	case "leaving":
		return client.Leaving()
	case "end":
		return errEnd
	case "look":
		p, err := client.Identify(sys.Own(InheritedFD + 1))
		say("process %s %d %v", p.Exe, p.PID, err)
	case "rights":
		_, open := os.Open("/usr/bin")
		_, group := unix.Getpgid(0)
		nnp, _ := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
		say("user %d no_new_privs %d denied %v own group %v", os.Getuid(), nnp, errors.Is(open, fs.ErrPermission),
			group == nil && unix.Getpgrp() == os.Getpid())
	case "resolve":
		hosts, err := os.ReadFile("/etc/hosts")
		addresses, _ := net.LookupHost("localhost")
		say("hosts %v %v resolved %v", err, len(hosts) > 0, len(addresses) > 0)
	case "environment":
		say("environment %d", len(os.Environ()))
	}
	return nil
}

// nonsense is a worker in the hands of an attacker, who says what messages are
// not for. The monitor kills it.
func nonsense() error {
	what := os.Getenv("SSA_MONITOR_NONSENSE")
	body := func(k kind, text string) []byte { return append([]byte{byte(k)}, text...) }
	packets := map[string]struct {
		data []byte
		fds  []int
	}{
		"garbage":          {data: []byte("\xff\x00garbage")},
		"no JSON":          {data: body(kindReady, "{")},
		"unknown field":    {data: body(kindReady, `{"path":"/etc/shadow"}`)},
		"two messages":     {data: body(kindReady, `{}{}`)},
		"a policy":         {data: body(kindPolicy, `{"size":1}`), fds: []int{0}},
		"a reason":         {data: body(kindKept, `{"text":"eA=="}`)},
		"a file":           {data: body(kindFile, `{"text":"L2V0Yy9zaGFkb3c="}`), fds: []int{0}},
		"an answer":        {data: body(kindAnswer, `{"id":1,"text":"eA=="}`)},
		"look at nothing":  {data: body(kindLook, `{"id":1}`)},
		"two descriptors":  {data: body(kindLook, `{"id":1}`), fds: []int{0, 0}},
		"ten descriptors":  {data: body(kindLook, `{"id":1}`), fds: []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		"ready with one":   {data: body(kindReady, `{}`), fds: []int{0}},
		"huge":             {data: body(kindVerdict, `{"text":"`+strings.Repeat("A", maxMessage)+`"}`)},
		"an unknown kind":  {data: body(kinds, `{"text":"L2V0Yy9zaGFkb3c="}`)},
		"a negative group": {data: body(kindLook, `{"process":{"groups":[-1]}}`), fds: []int{0}},
	}
	p, ok := packets[what]
	if !ok {
		return errors.New("there is no such nonsense")
	}
	var rights []byte
	if len(p.fds) > 0 {
		rights = unix.UnixRights(p.fds...)
	}
	if err := unix.Sendmsg(SocketFD, p.data, rights, nil, 0); err != nil {
		return err
	}
	time.Sleep(time.Minute) // the monitor does not wait for the end of it
	return nil
}

// stubborn is a worker that does not look at its monitor at all.
func stubborn() error {
	fmt.Fprintln(os.NewFile(InheritedFD, "commands"), os.Getpid())
	time.Sleep(time.Minute)
	return nil
}

// monitorOfStubborn is a monitor in a process of its own, for one to kill.
func monitorOfStubborn() error {
	m := New(Config{Worker: Command{Env: []string{modeEnv + "=stubborn"}, Stderr: os.Stderr},
		Log:     quiet(),
		Inherit: []*os.File{os.NewFile(3, "commands")}}, nil)
	return m.Run(context.Background())
}
