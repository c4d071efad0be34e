// Package lobby holds the peers of servers for whose bytes a handshake waits.
// Waiting costs memory alone, so what is bounded is how many wait. One too many
// is never the one who has just come: somebody of the network with the most of
// them goes, whoever has waited for longest. So who only waits pushes out his
// like, and honest clients go on, behind the same address too, as long as they
// say what is due before many others have come after them.
//
// Progress counts first: those who have not sent a whole hello and those who
// have not answered ours are counted apart, and neither push the other out.
//
//	Enter ──▶ Hello ──Work──▶ (computing) ──Wait──▶ Answer ──Work──▶ ... Leave
//	            └───────────── let go ───────────────┘
//
// The package never reads a byte, and decides nothing of what a peer is.
package lobby
