package socket

// State is where a socket is in its life.
//
//	        bind          connect             handshake done
//	Fresh ───────▶ Fresh ─────────▶ Connecting ──────────────▶ Connected
//	  │            (bound)              │                          ▲
//	  │ listen                          │ TCP, handshake or        │ accept on a
//	  ▼                                 ▼ verification failed      │ listener
//	Listening                         Failed ──▶ connect again   (born so)
type State uint8

// States.
const (
	Fresh State = iota
	Connecting
	Connected
	Failed
	Listening
)

func (s State) String() string {
	return [...]string{"fresh", "connecting", "connected", "failed", "listening"}[s]
}
