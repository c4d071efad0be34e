// Package service is the daemon: it takes TCP connections and plaintext streams
// from gates and libraries over a Unix socket, finds out by itself who they are
// and which program they speak for, and has the engine do TLS under the policy
// of that program. It never opens a socket or a file for a caller, and trusts
// nothing that a caller says of itself: what it does for a program follows from
// what the kernel says of the process, and a caller speaks only for processes
// of its own user, root for all.
//
//	gate ── Hello, Listen, Handshake + descriptors ──▶ caller ──▶ program ──▶ policy ──▶ engine
//	     ◀── Established, Ended, ResetNeeded ──────────         (pidfd, /proc)
package service
