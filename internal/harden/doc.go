// Package harden takes rights away from the process that does TLS, for good:
// after that it can neither run a program, nor look into another process, nor
// open a file for writing, and a dump of it or a swap device holds no keys.
// Every measure is a function of its own that says whether it holds; none can
// be undone. It gives nobody rights, and it never goes on silently when a
// measure fails: that is the caller's to decide.
package harden
