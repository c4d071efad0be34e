package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/registry"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// askTime is how long the service may take to answer a question.
const askTime = 10 * time.Second

// inquiry is a connection to the service to ask questions on, one at a time.
type inquiry struct {
	conn *wire.Conn
	ref  uint64 // of the last question
}

// inquire connects to the service.
func inquire(path string) (*inquiry, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	conn, err := wire.Dial(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ECONNREFUSED):
		return nil, &problem{what: "no service is running at " + path, status: statusUsage,
			hint: "start it with `systemctl start ssa.socket` or `ssa daemon`; without it each `ssa run` does TLS itself, and `ssa run -v` tells how"}
	case err != nil:
		return nil, &problem{what: "the service cannot be asked: " + err.Error(),
			hint: "is " + path + " the right socket? --socket names another", status: statusUsage}
	}
	if _, err := wire.Greet(ctx, conn, wire.Hello{Agent: "ssa status " + version()}); err != nil {
		conn.Close()
		return nil, &problem{what: err.Error(), status: statusUsage}
	}
	return &inquiry{conn: conn}, nil
}

func (i *inquiry) close() { i.conn.Close() }

// nextRef is the reference for the next question.
func (i *inquiry) nextRef() uint64 {
	i.ref++
	return i.ref
}

// ask asks a question that has the last reference.
func (i *inquiry) ask(asked wire.Message, descriptors ...int) (*wire.Frame, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	frame, err := wire.Ask(ctx, i.conn, i.ref, asked, descriptors...)
	if err != nil {
		return nil, &problem{what: "the service refused: " + err.Error(), status: statusUsage}
	}
	return frame, nil
}

// maxEarlier bounds how many services of before are asked.
const maxEarlier = 8

// askStatus asks for the status, as JSON too: of the service, and of those that
// were here before and have connections still.
func askStatus(path string, q registry.Query) (*registry.Status, []byte, error) {
	// On one connection: another service may take over between two questions.
	i, err := inquire(path)
	if err != nil {
		return nil, nil, err
	}
	defer i.close()
	s, text, err := i.status(q, 0)
	if err != nil {
		return nil, nil, err
	}
	for last := s; last.Service.Earlier && len(s.Earlier) < maxEarlier; {
		if last, _, err = i.status(q, uint64(len(s.Earlier)+1)); err != nil {
			break // it has ended meanwhile
		}
		s.Earlier = append(s.Earlier, last)
	}
	if len(s.Earlier) == 0 {
		return s, text, nil
	}
	more, err := json.Marshal(s.Earlier)
	if err != nil {
		return nil, nil, fmt.Errorf("writing the status of earlier services: %w", err)
	}
	// What this program does not know of stays in the JSON.
	text = append(bytes.TrimSuffix(bytes.TrimSpace(text), []byte("}")), `,"earlier":`...)
	return s, append(append(text, registry.Legible(more)...), '}'), nil
}

// status asks for the status of one service.
func (i *inquiry) status(q registry.Query, earlier uint64) (*registry.Status, []byte, error) {
	query, err := json.Marshal(q)
	if err != nil {
		return nil, nil, err
	}
	frame, err := i.ask(&wire.Status{Ref: i.nextRef(), Query: [][]byte{query}, Earlier: earlier})
	if err != nil {
		return nil, nil, err
	}
	defer frame.Close()
	report, ok := frame.Message.(*wire.Report)
	if !ok || len(report.JSON) != 1 {
		return nil, nil, fmt.Errorf("the service answered with %s", wire.KindOf(frame.Message))
	}
	var s registry.Status
	if err := json.Unmarshal(report.JSON[0], &s); err != nil {
		return nil, nil, fmt.Errorf("reading the status: %w", err)
	}
	if s.Version != registry.StatusVersion {
		return nil, nil, &problem{what: fmt.Sprintf("the service reports its status in version %d, this program knows version %d", s.Version, registry.StatusVersion),
			hint: "use the ssa of the service's release", status: statusUsage}
	}
	return &s, report.JSON[0], nil
}
