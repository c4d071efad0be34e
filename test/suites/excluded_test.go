//go:build suites

package suites

// excluded are the cases that cannot pass over TLS, each with its reason, by
// the suite's name and the case's.
var excluded = map[string]string{}
