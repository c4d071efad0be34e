package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Query says what somebody wants to know. The zero value asks for everything
// but the time series.
type Query struct {
	// ID asks for one connection alone, when not zero.
	ID uint64 `json:"id,omitempty"`
	// Connections bounds how many are told, the newest ones; zero is for as
	// many as an answer may have, a negative number for none.
	Connections int `json:"connections,omitempty"`
	// Series asks for the time series too.
	Series bool `json:"series,omitempty"`
}

func (q Query) limit() int {
	switch {
	case q.Connections < 0:
		return 0
	case q.Connections == 0:
		return maxConnections
	}
	return min(q.Connections, maxConnections)
}

// maxQuery bounds a query, which comes from anyone.
const maxQuery = 4096

// ParseQuery reads a query from JSON; no bytes at all are the zero query.
func ParseQuery(data []byte) (Query, error) {
	var q Query
	if len(data) == 0 {
		return q, nil
	}
	if len(data) > maxQuery {
		return q, fmt.Errorf("a query of %d bytes is too long", len(data))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return Query{}, fmt.Errorf("the query is not understood: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Query{}, fmt.Errorf("there is more than one query")
	}
	return q, nil
}

// maxAnswer bounds, in bytes, what is told at a time.
const maxAnswer = 3 << 20

// Answer answers a query of JSON with a Status of JSON. When that gets too
// long, the oldest connections and refusals are left out, and programs summed
// up.
func (r *Registry) Answer(v Viewer, query []byte) ([]byte, error) {
	q, err := ParseQuery(query)
	if err != nil {
		return nil, err
	}
	s := r.Snapshot(v, q)
	for {
		answer, err := json.Marshal(s)
		if err != nil {
			return nil, fmt.Errorf("writing the status: %w", err)
		}
		answer = Legible(answer)
		if len(answer) <= maxAnswer || !s.shorten() {
			return answer, nil
		}
	}
}
