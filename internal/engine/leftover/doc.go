// Package leftover sends what programs wrote that have ended before their peers
// took it: bytes that TCP has not taken yet, and the end behind them. `ssa run`
// hands them to a process of its own, so that whoever waits for the program need
// not wait for its peers. The bytes are sealed already: here is no TLS, no key and
// no plaintext. It never waits longer for a peer than TCP would.
package leftover
