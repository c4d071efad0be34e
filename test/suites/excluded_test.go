//go:build suites

package suites

// Reasons that several cases have in common.
const (
	urgent = "it sends with MSG_OOB, which is EOPNOTSUPP: TLS has no urgent data"
	// Seen in both loops, in a hundredth of the runs on a busy machine.
	turns = "it gives connect() 100 turns of a loop that spins from accept() on: over TLS the server may be told of the connection first"
	// Without that cleanup it does not fail.
	cleanup = "its main thread closes the client's socket when accept() is over, even before the client's thread has asked for its name"
)

// excluded are the cases that cannot pass over TLS, each with its reason, by
// the suite's name and the case's.
var excluded = map[string]string{
	"test_socket test.test_socket.InterruptedSendTimeoutTest.testInterruptedSendtoTimeout": "an AF_UNIX socket that is connected says EISCONN to an address",
	"test_socket test.test_socket.NetworkConnectionAttributesTest.testSourceAddress":       cleanup,
	"test_asyncore test.test_asyncore.TestAPI_UseIPv4Poll.test_connection_attributes":      turns,
	"test_asyncore test.test_asyncore.TestAPI_UseIPv4Select.test_connection_attributes":    turns,
	"test_asyncore test.test_asyncore.TestAPI_UseIPv6Poll.test_connection_attributes":      turns,
	"test_asyncore test.test_asyncore.TestAPI_UseIPv6Select.test_connection_attributes":    turns,
	"test_asyncore test.test_asyncore.TestAPI_UseIPv4Poll.test_handle_expt":                urgent,
	"test_asyncore test.test_asyncore.TestAPI_UseIPv4Select.test_handle_expt":              urgent,
	"test_asyncore test.test_asyncore.TestAPI_UseIPv6Poll.test_handle_expt":                urgent,
	"test_asyncore test.test_asyncore.TestAPI_UseIPv6Select.test_handle_expt":              urgent,
	"test_ftplib test.test_ftplib.TestFTPClass.test_abort":                                 urgent,
	"net TestMultiPathTCP": "a TLS socket's connection is TCP, not Multipath TCP",
}

// skipsItself are the cases that skip themselves when a race that they make ends
// in another way than they want, each with that race. When they run, they have to
// pass.
var skipsItself = map[string]string{
	"test_sock_client_connect_racing": "a connect that is called off, against a listener that comes after it, and a second connect",
}
