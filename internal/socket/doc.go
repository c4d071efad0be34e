// Package socket is one TLS socket as a program sees it: its states, options,
// errno values, addresses and life time. Gates bring system calls to it; it
// asks the policy what holds and the engine for handshakes. It never touches a
// program's memory, and never does cryptography.
//
// A program's descriptor is an AF_UNIX stream socket that never reaches the
// network. The real TCP socket is ours:
//
//	program ─ descriptor ═ AF_UNIX pair ═ plaintext end ─ engine ─ TCP socket ─ peer
//
// The descriptor is identified by its inode, which survives dup(2), fork(2)
// and SCM_RIGHTS.
package socket
