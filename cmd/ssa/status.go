package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/registry"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

type statusOptions struct {
	socket string
	json   bool
	watch  bool
	every  time.Duration
}

func statusCommand() *cobra.Command {
	var o statusOptions
	c := &cobra.Command{
		Use:   "status [flags] [ID]",
		Short: "Show what the service does: programs, connections, refusals, certificates",
		Long: "Show what the service does. Users see the connections of their own programs, root sees\n" +
			"all. With an ID, which programs know as TLS_ID, show that connection alone.",
		Example: "  ssa status\n  ssa status 17\n  ssa status --watch\n  ssa status --json | jq '.connections[] | select(.version == \"TLS 1.2\")'",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if o.every <= 0 {
				return &problem{what: fmt.Sprintf("--every is %v, and must be above zero", o.every),
					status: statusUsage}
			}
			q := registry.Query{}
			if len(args) == 1 {
				id, err := strconv.ParseUint(args[0], 10, 64)
				if err != nil || id == 0 {
					return &problem{what: fmt.Sprintf("%q is not a connection number", args[0]),
						hint: "`ssa status` lists them", status: statusUsage}
				}
				q.ID = id
			}
			return o.run(q, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&o.socket, "socket", wire.DefaultPath, "where the service listens")
	c.Flags().BoolVar(&o.json, "json", false, "write JSON, one line each time")
	c.Flags().BoolVarP(&o.watch, "watch", "w", false, "show it again and again, until interrupted")
	c.Flags().DurationVar(&o.every, "every", 2*time.Second, "how often --watch asks")
	return c
}

func (o *statusOptions) run(q registry.Query, out io.Writer) error {
	if !o.watch {
		return o.show(q, out)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	ticker := time.NewTicker(max(o.every, 100*time.Millisecond))
	defer ticker.Stop()
	for {
		if err := o.show(q, out); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (o *statusOptions) show(q registry.Query, out io.Writer) error {
	s, text, err := askStatus(o.socket, q)
	if err != nil {
		return err
	}
	at := s // the one that has the connection
	for _, e := range s.Earlier {
		if len(at.Connections) == 0 {
			at = e
		}
	}
	if q.ID != 0 && len(at.Connections) == 0 {
		return &problem{what: fmt.Sprintf("there is no connection %d, or it is another user's", q.ID),
			hint: "connections that have ended are not kept; `ssa status` lists those there are", status: 1}
	}
	// One write, so that a screen does not flicker.
	var page bytes.Buffer
	p := painter(out)
	switch {
	case o.json:
		page.Write(text)
		page.WriteByte('\n')
	default:
		if o.watch && bool(p) {
			page.WriteString("\x1b[H\x1b[2J")
		}
		v := statusPrinter{out: &page, paint: p, width: widthOf(out)}
		if q.ID != 0 {
			v.connection(&at.Connections[0], at.Time)
		} else {
			v.all(s)
		}
	}
	_, err = out.Write(page.Bytes())
	return err
}

// widthOf is how wide a terminal is; zero says that it is none.
func widthOf(out io.Writer) int {
	f, ok := out.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}
