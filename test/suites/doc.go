// Package suites runs other people's test suites of sockets twice: natively, and
// below `ssa run` with every TCP socket a TLS socket, and holds one against the
// other. What passes natively has to pass over TLS, or be in excluded_test.go with
// its reason. The suites are those of installed interpreters and compilers; none
// is copied. `make test-suites` runs it; it takes minutes and is no part of `make
// test`, so that its tests have the build tag suites.
package suites
