package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/dashboard"
	"github.com/secure-socket-api/ssa/internal/registry"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// shownConnections bounds the connections of the page.
const shownConnections = 500

func dashboardCommand() *cobra.Command {
	var socket, listen string
	c := &cobra.Command{
		Use:   "dashboard [flags]",
		Short: "Show what the service does on a web page, for this user alone",
		Long: "Serve a web page that shows what the service does, until interrupted. It shows what the\n" +
			"user who starts it may see, to who has the address that is printed; it changes nothing.",
		Example: "  ssa dashboard\n  ssa dashboard --listen 127.0.0.1:0",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return showDashboard(socket, listen, c.OutOrStdout()) },
	}
	c.Flags().StringVar(&socket, "socket", wire.DefaultPath, "where the service listens")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:9206", "the `ADDRESS` of the page, of loopback")
	return c
}

func showDashboard(socket, address string, out io.Writer) error {
	status := func() ([]byte, error) {
		_, text, err := askStatus(socket, registry.Query{Connections: shownConnections, Series: true})
		return text, err
	}
	if _, err := status(); err != nil {
		return err
	}
	listener, err := dashboard.Listen(address)
	if err != nil {
		return &problem{what: err.Error(), hint: "--listen 127.0.0.1:0 takes any port that is free", status: statusUsage}
	}
	cfg := dashboard.Config{Status: status, Secret: dashboard.NewSecret()}
	server := dashboard.NewServer(cfg)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, func() { server.Close() })()
	fmt.Fprintf(out, "http://%s/%s/\n", listener.Addr(), cfg.Secret)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
