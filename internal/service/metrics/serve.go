package metrics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/pages"
	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// Listen listens at an address as a flag has it, "unix:/path" or an address of
// loopback with a port. A Unix socket is for its owner and group. An address of
// TCP may be listened on by the next service of the same user already.
func Listen(address string) (*os.File, error) {
	path, isUnix := strings.CutPrefix(address, "unix:")
	if !isUnix {
		return listenLoopback(address)
	}
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("the address of metrics is %q, and the path of a Unix socket must be absolute", address)
	}
	if st, err := os.Lstat(path); err == nil && st.Mode().Type() != os.ModeSocket {
		return nil, fmt.Errorf("listening for metrics: %s exists and is not a socket: %w", path, unix.EADDRINUSE)
	}
	// It gets its name once it is ready, so that readers find the one of the
	// service before until then, and nobody one with another mode.
	fresh := path + "~"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listening for metrics: %w", err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listening for metrics: %w", err)
	}
	defer listener.Close()
	listener.SetUnlinkOnClose(false)
	err = os.Chmod(fresh, 0o660)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return nil, fmt.Errorf("listening for metrics: %w", errors.Join(err, os.Remove(fresh)))
	}
	return listener.File()
}

func listenLoopback(address string) (*os.File, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() || at.Addr().Zone() != "" {
		return nil, fmt.Errorf("the address of metrics is %q, and must be unix:/path or a loopback address such as 127.0.0.1:9205: "+
			"nothing checks who reads them", address)
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failure error
		err := raw.Control(func(fd uintptr) {
			failure = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET,
				unix.SO_REUSEPORT, 1)
		})
		return errors.Join(err, failure)
	}}
	listener, err := config.Listen(context.Background(), "tcp", at.String())
	if err != nil {
		return nil, fmt.Errorf("listening for metrics: %w", err)
	}
	defer listener.Close()
	return listener.(*net.TCPListener).File()
}

// maxReaders bounds the connections of those who read metrics.
const maxReaders = 16

// Serve serves metrics on what Listen returned, which it owns, until ctx ends.
func Serve(ctx context.Context, file *os.File, r *registry.Registry) error {
	listener, err := net.FileListener(file)
	file.Close()
	if err != nil {
		return fmt.Errorf("serving metrics: %w", err)
	}
	if l, ok := listener.(*net.UnixListener); ok {
		l.SetUnlinkOnClose(false) // the next worker listens there too
	}
	if err := pages.Serve(ctx, listener, Handler(r), maxReaders); err != nil {
		return fmt.Errorf("serving metrics: %w", err)
	}
	return nil
}

// Handler answers GET /metrics. A web page that has its name point to loopback
// must not read them through a browser: the Host must be an address or
// localhost.
func Handler(r *registry.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, req *http.Request) {
		if !isLocal(req) {
			http.Error(w, "wrong host name", http.StatusMisdirectedRequest)
			return
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_ = Write(w, r.Counters()) // the reader has gone
	})
	return mux
}

func isLocal(req *http.Request) bool {
	if address, ok := req.Context().Value(http.LocalAddrContextKey).(net.Addr); ok &&
		address.Network() == "unix" {
		return true
	}
	host := req.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}
