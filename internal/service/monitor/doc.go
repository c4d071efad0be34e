// Package monitor keeps the rights of the service away from the process that
// does TLS. The monitor is a small process that reads the policy and its keys,
// and says which program is behind a pidfd. The worker, which it starts, has
// none of these rights and does everything else: sockets, messages of callers,
// handshakes.
//
//	monitor ── policy (sealed memory), answers ──▶ worker (own user, Landlock, seccomp)
//	        ◀── "who is this?" + pidfd, "ready" ──
//
// The monitor takes the worker to be in the hands of an attacker: it can ask
// who a process is, and say how it fares, in messages of bounded size, and
// nothing else. No file name comes from it. When it dies, another one is
// started; when the monitor dies, so does the worker.
package monitor
