package wire

import (
	"context"
	"errors"
	"fmt"
)

// Greet says Hello and returns what the service answers. It is for callers that
// ask one question at a time.
func Greet(ctx context.Context, c *Conn, hello Hello) (*Welcome, error) {
	hello.Version = Version
	if err := c.Send(&hello); err != nil {
		return nil, fmt.Errorf("the service does not accept this caller; its user may have too many: %w", err)
	}
	for {
		frame, err := c.Receive(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("something listens at the service's socket, but does not answer: %w", err)
		}
		if err != nil {
			return nil, fmt.Errorf("greeting the service: %w", err)
		}
		frame.Close() // it has none
		switch m := frame.Message.(type) {
		case *GoAway: // it began to leave meanwhile, and says so again to who asks
			continue
		case *Welcome:
			if m.Version != Version {
				return nil, fmt.Errorf("the service speaks version %d of the protocol, this program version %d", m.Version, Version)
			}
			return m, nil
		case *Refused:
			return nil, errors.New(m.Sentence)
		}
		return nil, fmt.Errorf("the service answered the greeting with %T", frame.Message)
	}
}

// RefusedError is the error of a question that was answered with Refused.
type RefusedError struct{ Refused *Refused }

func (e *RefusedError) Error() string { return e.Refused.Sentence }

// Ask sends a question with some descriptors and returns the answer to it,
// passing over what the service announces. Refused is an error.
func Ask(ctx context.Context, c *Conn, ref uint64, question Message,
	descriptors ...int) (*Frame, error) {
	if err := c.Send(question, descriptors...); err != nil {
		return nil, err
	}
	for {
		frame, err := c.Receive(ctx)
		if err != nil {
			return nil, err
		}
		switch m := frame.Message.(type) {
		case *Policy, *GoAway:
			frame.Close()
			continue
		case *Refused:
			if m.Ref == ref {
				frame.Close()
				return nil, &RefusedError{m}
			}
		}
		return frame, nil
	}
}
