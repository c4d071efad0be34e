package relay

import (
	"errors"
	"fmt"
	"io"
)

// ErrTruncated says that the peer, or somebody in its place, ended TCP without
// a close_notify, so that what was received may not be all that was sent.
var ErrTruncated = errors.New("TCP ended without a close_notify")

// Ends of receiving that are of no concern to the program, since it has gone.
var (
	errLingered  = errors.New("the peer did not end in time after the program had gone")
	errAbandoned = errors.New("the peer sent data after the program had gone")
)

// receive moves what the peer sends to the program until the peer ends. It
// returns nil for a close_notify. Whatever the error, everything received
// before it has been handed to the program; with errIdle it is to be called
// again.
func (r *Relay) receive() error {
	for {
		if !r.discard {
			r.sink.awaitRoom(r.wire.hold)
		}
		if err := r.wire.await(); err != nil {
			if errors.Is(err, errIdle) {
				return err
			}
			if isTimeout(err) {
				return errLingered
			}
			return fmt.Errorf("waiting for the peer: %w", err)
		}
		// What is in hand encrypted fits the same size of buffer decrypted.
		b := getBuffer(r.wire.held())
		readErr := r.records.open(b)
		var err error
		if b.len() > 0 {
			err = r.deliver(b.bytes())
		}
		b.release()
		if err != nil {
			return err
		}
		if readErr != nil {
			return r.receiveEnd(readErr)
		}
	}
}

// deliver writes to the program. When it reads no more, its data is dropped,
// as by TCP after a shutdown for reading; once it has gone and the peer has
// everything it sent, more data ends the connection. So does any other failure:
// what is lost must not be followed by a clean end.
func (r *Relay) deliver(p []byte) error {
	r.received.Add(int64(len(p)))
	if !r.discard {
		if err := r.sink.write(p); err != nil {
			if !r.source.isEnd(err) {
				return fmt.Errorf("handing on what the peer sent: %w", err)
			}
			r.discard = true
		}
	}
	if r.discard && r.programLeft() && r.wire.unsent() == 0 && !r.wire.hasLeft() {
		return errAbandoned
	}
	return nil
}

// programLeft says whether everything was sent for a program that has gone.
// Without descriptors it counts as gone when it neither reads nor writes.
func (r *Relay) programLeft() bool {
	return r.finSent.Load() || (r.source.raw == nil && isDone(r.sendDone))
}

// receiveEnd tells apart why crypto/tls reads no more. It reports io.EOF for a
// close_notify, but also when TCP ends between two records.
func (r *Relay) receiveEnd(err error) error {
	switch {
	case r.wire.ended() && errors.Is(r.wire.inErr, io.EOF):
		if r.cfg.SloppyEnd {
			r.sloppy = true
			return nil
		}
		return ErrTruncated
	case r.wire.ended():
		return fmt.Errorf("receiving from the peer: %w", r.wire.inErr)
	case errors.Is(err, io.EOF):
		return nil
	default:
		return fmt.Errorf("receiving from the peer: %w", err)
	}
}
