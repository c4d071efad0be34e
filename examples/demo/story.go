package main

// step is one program run against the server, and what has to come of it.
type step struct {
	heading string
	needs   string // a program that may not be there; the step is left out then
	stdin   string
	args    []string
	says    string // has to be in its output, beside the greeting of a success
	fails   bool   // has to end with a status that is not 0
	proves  string
}

const (
	greeting = "Hello from a TLS server"
	request  = "GET / HTTP/1.0\r\n\r\n"
)

// story is everybody who talks to the server: clients of ours, clients of
// others, and connections that have to be refused.
func story(port, address string) []step {
	policed := func(args ...string) []string {
		return append([]string{"ssa", "run", "--policy", "policy.yaml", "--"}, args...)
	}
	return []step{
		{
			heading: "A client in C; -v says what was negotiated", proves: "verified, encrypted, answered",
			args: []string{"ssa", "run", "-v", "--policy", "policy.yaml", "--", "client",
				"localhost", port, "/"},
		},
		{
			heading: "The same client, connecting to a name instead of an address (AF_HOSTNAME)",
			proves:  "resolved, verified, answered",
			args:    policed("client-hostname", "localhost", port, "/"),
		},
		{
			heading: "A client in Python, without its ssl module", needs: "python3",
			proves: "verified, answered",
			args:   policed("python3", "client.py", "localhost", port, "/"),
		},
		{
			heading: "A shell pipeline through netcat, ported to TLS (examples/ports/netcat)", needs: "nc-tls",
			stdin: request, proves: "verified, answered",
			args: policed("nc-tls", "localhost", port),
		},
		{
			heading: "curl talks to that server, with its own TLS", needs: "curl",
			proves: "curl verified it too",
			args: []string{"curl", "--silent", "--show-error", "--noproxy", "localhost", "--cacert",
				"ca.pem", "https://localhost:" + port + "/"},
		},
		{
			heading: "And so does openssl", needs: "openssl",
			stdin: request, says: "Verification: OK", proves: "openssl verified it too",
			args: []string{"openssl", "s_client", "-brief", "-ign_eof", "-verify_return_error", "-CAfile",
				"ca.pem", "-servername", "localhost", "-connect", "localhost:" + port},
		},
		{
			heading: "Without that policy, nobody on this machine knows the authority",
			says:    "localhost", fails: true, proves: "refused before a byte was sent",
			args: []string{"ssa", "run", "--", "client", "localhost", port, "/"},
		},
		{
			heading: "And this is not the name in the certificate",
			says:    address, fails: true, proves: "refused before a byte was sent",
			args: policed("client", address, port, "/"),
		},
	}
}
