//go:build suites

package suites

// Reasons that several cases have in common.
const (
	urgent = "it sends with MSG_OOB, which is EOPNOTSUPP: TLS has no urgent data"
	midway = "it fills the stream until its peer has gone: the local stream takes the whole file before the reset comes back, at times"
)

// excluded are the cases that cannot pass over TLS, each with its reason, by
// the suite's name and the case's.
var excluded = map[string]string{
	"test_socket test.test_socket.InterruptedSendTimeoutTest.testInterruptedSendtoTimeout":                                  "an AF_UNIX socket that is connected says EISCONN to an address",
	"test_asyncio test.test_asyncio.test_sendfile.EPollEventLoopTests.test_sendfile_close_peer_in_the_middle_of_receiving":  midway,
	"test_asyncio test.test_asyncio.test_sendfile.PollEventLoopTests.test_sendfile_close_peer_in_the_middle_of_receiving":   midway,
	"test_asyncio test.test_asyncio.test_sendfile.SelectEventLoopTests.test_sendfile_close_peer_in_the_middle_of_receiving": midway,
	"test_asyncore test.test_asyncore.TestAPI_UseIPv4Poll.test_handle_expt":                                                 urgent,
	"test_asyncore test.test_asyncore.TestAPI_UseIPv4Select.test_handle_expt":                                               urgent,
	"test_asyncore test.test_asyncore.TestAPI_UseIPv6Poll.test_handle_expt":                                                 urgent,
	"test_asyncore test.test_asyncore.TestAPI_UseIPv6Select.test_handle_expt":                                               urgent,
	"test_ftplib test.test_ftplib.TestFTPClass.test_abort":                                                                  urgent,
	"net TestMultiPathTCP": "a TLS socket's connection is TCP, not Multipath TCP",
}
