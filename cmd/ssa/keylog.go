package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/wire"
)

type keyLogOptions struct {
	socket, profile, to string
	duration            time.Duration
	off                 bool
}

func keyLogCommand() *cobra.Command {
	o := keyLogOptions{}
	c := &cobra.Command{
		Use:   "keylog {--to FILE | --off} [flags]",
		Short: "Write the secrets of new connections to a file, for a time, to look into a fault",
		Long: "Have the service write the secrets of new connections of one profile to a file, in the\n" +
			"format of NSS that Wireshark reads. Who has the file can read these connections. Only the\n" +
			"administrator of the service can do so; it is told in the log and shown by `ssa status`.",
		Example: "  ssa keylog --profile web --for 10m --to /root/keys.log\n  ssa keylog --profile web --off",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.OutOrStdout()) },
	}
	c.Flags().StringVar(&o.socket, "socket", wire.DefaultPath, "where the service listens")
	c.Flags().StringVar(&o.profile, "profile", "default", "the `PROFILE` of the policy whose programs are meant")
	c.Flags().StringVar(&o.to, "to", "", "the `FILE` to write to; it must be new, or its owner's alone")
	c.Flags().DurationVar(&o.duration, "for", 10*time.Minute, "for how long, a day at most")
	c.Flags().BoolVar(&o.off, "off", false, "end the key log of the profile before its time")
	return c
}

func (o *keyLogOptions) run(out io.Writer) error {
	switch {
	case o.off && o.to != "":
		return &problem{what: "--off ends a key log, and --to begins one", hint: "leave one of them out", status: statusUsage}
	case o.off:
		return o.end(out)
	case o.to == "":
		return &problem{what: "ssa keylog needs a file to write to", hint: "name a new one with --to, or end a key log with --off", status: statusUsage}
	}
	if o.duration < time.Second || o.duration > 24*time.Hour {
		return &problem{what: "--for must be between 1s and 24h", status: statusUsage}
	}
	// a FIFO would keep it waiting
	const flags = os.O_WRONLY | os.O_APPEND | unix.O_NOFOLLOW | unix.O_NONBLOCK
	file, err := os.OpenFile(o.to, flags|os.O_CREATE|os.O_EXCL, 0o600)
	made := err == nil
	if errors.Is(err, fs.ErrExist) {
		file, err = os.OpenFile(o.to, flags, 0)
	}
	if err != nil {
		return &problem{what: "the file for the key log: " + err.Error(), status: statusUsage}
	}
	defer file.Close()
	if err := o.ask(uint64(o.duration/time.Second), int(file.Fd())); err != nil {
		if made {
			os.Remove(o.to) // nothing will be written
		}
		return err
	}
	now := time.Now()
	fmt.Fprintf(out, "secrets of new connections of profile %s go to %s until %s\n", o.profile, o.to, momentText(now.Add(o.duration), now))
	return nil
}

// end ends a key log before its time.
func (o *keyLogOptions) end(out io.Writer) error {
	if err := o.ask(0); err != nil {
		return err
	}
	fmt.Fprintf(out, "the key log of profile %s is over\n", o.profile)
	return nil
}

func (o *keyLogOptions) ask(seconds uint64, descriptors ...int) error {
	service, err := inquire(o.socket)
	if err != nil {
		return err
	}
	defer service.close()
	frame, err := service.ask(&wire.KeyLog{Ref: service.nextRef(), Profile: o.profile,
		Seconds: seconds}, descriptors...)
	if err != nil {
		return err
	}
	defer frame.Close()
	if _, ok := frame.Message.(*wire.Done); !ok {
		return fmt.Errorf("the service answered with %s", wire.KindOf(frame.Message))
	}
	return nil
}
