package registry

import "time"

// StatusVersion is the version of Status as JSON. It changes when a field
// changes its meaning or goes, not when one is added.
const StatusVersion = 1

// Status is what a viewer may see of the service. docs/seeing.md describes it.
type Status struct {
	Version int       `json:"version"`
	Time    time.Time `json:"time"`
	Service Service   `json:"service"`
	// AllUsers says whether the viewer sees the connections of all users, or
	// only his own; the sums, too, are then of his own programs.
	AllUsers    bool             `json:"all_users"`
	Totals      Totals           `json:"totals"`
	Connections []ConnectionInfo `json:"connections"`
	// Listeners are the servers that listen, the oldest first, and what they
	// serve.
	Listeners []ListenerInfo `json:"listeners,omitempty"`
	// LeftOut is how many connections, the oldest ones, were left out to keep the
	// answer short.
	LeftOut  int             `json:"left_out,omitempty"`
	Programs []ProgramTotals `json:"programs"`
	Refusals []Refusal       `json:"refusals"`
	// What follows is for who sees all users.
	Certificates []Certificate `json:"certificates,omitempty"`
	KeyLogs      []KeyLog      `json:"key_logs,omitempty"`
	// Lists are the local revocation lists of the policy.
	Lists  []RevocationList `json:"revocation_lists,omitempty"`
	Series []Series         `json:"series,omitempty"`
	// Earlier are services that were here before, and have connections still.
	// Who asks adds them: each tells of itself alone.
	Earlier []*Status `json:"earlier,omitempty"`
}

// Service describes the service itself.
type Service struct {
	Build   string         `json:"build"`
	Started time.Time      `json:"started"`
	Reloads Reloads        `json:"policy_reloads"`
	Queues  map[string]int `json:"queues,omitempty"`
	// Earlier says that the service of before has connections still.
	Earlier bool `json:"earlier,omitempty"`
}

// Totals are sums since the service started.
type Totals struct {
	Open       int               `json:"open"`
	Connecting int               `json:"connecting"` // of these, in their handshake
	Handshakes uint64            `json:"handshakes"`
	Resumed    uint64            `json:"resumed"`
	Failed     map[string]uint64 `json:"failed,omitempty"`  // by reason
	Refused    map[string]uint64 `json:"refused,omitempty"` // by what refused
	// Missed is how many refusals by gates were not told, for who sees all.
	Missed   uint64 `json:"missed,omitempty"`
	Sent     int64  `json:"sent"`
	Received int64  `json:"received"`
}

// ProgramInfo describes a program, or one of its processes, as the service itself
// found it out.
type ProgramInfo struct {
	PID     int    `json:"pid,omitempty"`
	UID     uint32 `json:"uid"`
	User    string `json:"user,omitempty"`
	Exe     string `json:"exe"`
	Script  string `json:"script,omitempty"`
	Profile string `json:"profile"`
	Cgroup  string `json:"cgroup,omitempty"`
}

// ProgramTotals sum up what a program did.
type ProgramTotals struct {
	Program    ProgramInfo       `json:"program"`
	Open       int               `json:"open"`
	Handshakes uint64            `json:"handshakes"`
	Resumed    uint64            `json:"resumed"`
	Failed     map[string]uint64 `json:"failed,omitempty"`
	Refused    map[string]uint64 `json:"refused,omitempty"`
	Sent       int64             `json:"sent"`
	Received   int64             `json:"received"`
	Last       time.Time         `json:"last"` // when a connection began or ended
}

// ConnectionInfo describes a connection that is there.
type ConnectionInfo struct {
	ID      uint64      `json:"id"` // what TLS_ID tells the program
	State   string      `json:"state"`
	Role    string      `json:"role"`
	Program ProgramInfo `json:"program"`
	Name    string      `json:"name,omitempty"` // whom the client asked for
	Peer    string      `json:"peer,omitempty"` // address and port
	Began   time.Time   `json:"began"`
	// What follows is known when the handshake is done.
	Version      string `json:"version,omitempty"`
	Suite        string `json:"suite,omitempty"`
	Group        string `json:"group,omitempty"`
	ALPN         string `json:"alpn,omitempty"`
	PeerIdentity string `json:"peer_identity,omitempty"` // verified
	Identity     string `json:"identity,omitempty"`      // our certificate
	Resumed      bool   `json:"resumed"`
	// Handshake is how long it took, in seconds.
	Handshake float64 `json:"handshake_seconds,omitempty"`
	Sent      int64   `json:"sent"`
	Received  int64   `json:"received"`
	// Active is when bytes were last seen to move, within ten seconds.
	Active time.Time `json:"active"`
}

// Series is a time series.
type Series struct {
	Step   int     `json:"step_seconds"`
	Points []Point `json:"points"` // the oldest first
}
