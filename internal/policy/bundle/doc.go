// Package bundle takes down what is read while a policy loads, so that another
// process, which may read none of it, can load the same policy from that: with
// the same problems, at the same places. It does not know what a policy is.
//
// A bundle holds private keys. Whoever has one keeps it to itself, and calls
// Clear when it is of no use any more.
package bundle
