package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/dashboard"
	"github.com/secure-socket-api/ssa/internal/service/registry"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// shownConnections bounds the connections of the page.
const shownConnections = 1000

type dashboardOptions struct {
	socket, listen string
}

func dashboardCommand() *cobra.Command {
	o := dashboardOptions{}
	c := &cobra.Command{
		Use:   "dashboard [flags]",
		Short: "Show what the service does in a web browser, until interrupted",
		Long: "Serve a web page that shows what the service does: connections, versions and suites over\n" +
			"time, certificates, refusals. It shows what `ssa status` shows to who starts it: users see\n" +
			"their own programs, root sees all. Its address has a key in it, new each time; who has the\n" +
			"address sees the page. It listens on loopback alone.",
		Example: "  ssa dashboard\n  sudo ssa dashboard --listen 127.0.0.1:9300",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.OutOrStdout()) },
	}
	c.Flags().StringVar(&o.listen, "listen", "127.0.0.1:9206", "the `ADDRESS` of loopback to serve the page at; port 0 takes any")
	c.Flags().StringVar(&o.socket, "socket", wire.DefaultPath, "where the service listens")
	return c
}

func (o *dashboardOptions) run(out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	listener, err := dashboard.Listen(o.listen)
	if err != nil {
		return &problem{what: err.Error(), hint: "--listen names another address; 127.0.0.1:0 takes any port that is free", status: statusUsage}
	}
	defer listener.Close()
	if _, _, err := askStatus(o.socket, registry.Query{Connections: -1}); err != nil {
		return err // better told here than on a page
	}
	at, err := netip.ParseAddrPort(listener.Addr().String())
	if err != nil {
		return fmt.Errorf("the address of the dashboard: %w", err)
	}
	key := rand.Text()
	fmt.Fprintf(out, "http://%s/#key=%s\n", at, key)
	return dashboard.Serve(ctx, listener,
		dashboard.Handler(dashboard.Config{Ask: o.ask, Key: key, Address: at}))
}

// ask asks the service anew each time: it may come and go.
func (o *dashboardOptions) ask(series bool) ([]byte, error) {
	_, text, err := askStatus(o.socket, registry.Query{Connections: shownConnections, Series: series})
	var p *problem
	if errors.As(err, &p) && p.hint != "" {
		return nil, fmt.Errorf("%w; %s", err, p.hint)
	}
	return text, err
}
