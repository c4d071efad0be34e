// Package policy is the administrator's say over TLS on a machine. It parses
// and validates the policy file, finds the profile of a program, and computes
// the one effective value that holds for a socket once the program has
// tightened it.
//
// It refuses what it does not understand: an unknown or doubtful key is an
// error, never a default. It does no network I/O, makes no connection decision
// (package trust does) and never lets a program weaken anything. Its values are
// immutable; a changed file is a new Policy.
package policy
