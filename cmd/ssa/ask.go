package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/registry"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// askTime is how long the service may take to answer a question.
const askTime = 10 * time.Second

// question asks the service one question, which has the reference 1.
func question(path string, asked wire.Message, descriptors ...int) (*wire.Frame, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	conn, err := wire.Dial(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ECONNREFUSED):
		return nil, &problem{what: "no service is running at " + path, status: statusUsage,
			hint: "start it with `systemctl start ssa.socket` or `ssa daemon`; without it each `ssa run` does TLS itself, and `ssa run -v` tells how"}
	case err != nil:
		return nil, &problem{what: "the service cannot be asked: " + err.Error(), hint: "is " + path + " the right socket? --socket names another", status: statusUsage}
	}
	defer conn.Close()
	if _, err := wire.Greet(ctx, conn, wire.Hello{Agent: "ssa status " + version()}); err != nil {
		return nil, &problem{what: err.Error(), status: statusUsage}
	}
	frame, err := wire.Ask(ctx, conn, 1, asked, descriptors...)
	if err != nil {
		return nil, &problem{what: "the service says no: " + err.Error(), status: statusUsage}
	}
	return frame, nil
}

// askStatus asks for the status, as JSON too.
func askStatus(path string, q registry.Query) (*registry.Status, []byte, error) {
	query, err := json.Marshal(q)
	if err != nil {
		return nil, nil, err
	}
	frame, err := question(path, &wire.Status{Ref: 1, Query: [][]byte{query}})
	if err != nil {
		return nil, nil, err
	}
	defer frame.Close()
	report, ok := frame.Message.(*wire.Report)
	if !ok || len(report.JSON) != 1 {
		return nil, nil, fmt.Errorf("the service answered with %T", frame.Message)
	}
	var s registry.Status
	if err := json.Unmarshal(report.JSON[0], &s); err != nil {
		return nil, nil, fmt.Errorf("reading the status: %w", err)
	}
	if s.Version != registry.StatusVersion {
		return nil, nil, &problem{what: fmt.Sprintf("the service tells its status in version %d, this program knows version %d", s.Version, registry.StatusVersion),
			hint: "use the ssa that the service is of", status: statusUsage}
	}
	return &s, report.JSON[0], nil
}
