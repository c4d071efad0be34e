// Package socket is one TLS socket as a program sees it: its states, options,
// errno values, addresses and life time. Gates bring system calls to it; it
// asks the policy what holds and the engine for handshakes. It never touches a
// program's memory, and never does cryptography.
//
// A program's descriptor is an end that never reaches the network, which a gate
// makes and finds again: see package endpoint. The real TCP socket is ours:
//
//	program ─ end ═ plaintext ─ engine ─ TCP socket ─ peer
//
// An end has an id that stays, whatever number its descriptors have in whatever
// process.
package socket
