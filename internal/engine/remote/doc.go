// Package remote is the engine that asks the service: TCP connections and
// plaintext streams go there as descriptors, facts come back. It keeps a
// duplicate of each, so that a connection whose service has died ends for the
// program with ECONNRESET. It performs no TLS, and never falls back to another
// engine: without the service there are no connections.
package remote
