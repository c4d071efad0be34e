//go:build linux

package differential

// signalScenarios: signals and time-outs of blocking calls.
var signalScenarios = []scenario{
	{name: "eintr-connect", about: "EINTR of a blocking connect, then connect again", listen: stalled, peer: released},
	{name: "eintr-connect-poll", about: "EINTR of a blocking connect, then poll", listen: stalled, peer: released},
	{name: "restart-connect", about: "a blocking connect with SA_RESTART", listen: stalled, peer: released},
	{name: "eintr-accept", about: "EINTR of accept", peer: interruptedAccept},
	{name: "restart-accept", about: "accept with SA_RESTART", peer: interruptedAccept},
	{name: "eintr-accept-address", about: "EINTR of accept with an address", peer: interruptedAccept},
	{name: "restart-accept-address", about: "accept with an address and SA_RESTART", peer: interruptedAccept},
	{name: "eintr-read", about: "EINTR of read", listen: listening, peer: interruptedRead},
	{name: "restart-read", about: "read with SA_RESTART", listen: listening, peer: interruptedRead},
	{name: "signal-storm", about: "20 connects under a signal every millisecond", bytes: 20, listen: listening, peer: echoMany},
	{name: "setup-storm-restart", about: "the same with SA_RESTART: and they are not done twice", bytes: 200},
	{name: "timeouts", about: "SO_RCVTIMEO of read, SO_SNDTIMEO of write", listen: listening, peer: func(s *session) {
		c := s.accept()
		s.Wait("full")
		c.ReadAll()
		c.Close()
	}},
	{name: "timeout-connect", about: "SO_SNDTIMEO of connect", listen: stalled, peer: released},
	{name: "timeout-accept", about: "SO_RCVTIMEO of accept", peer: func(s *session) { s.Port() }},
	{name: "sigpipe", about: "SIGPIPE, EPIPE and MSG_NOSIGNAL", listen: listening, peer: justAccept},
}

func interruptedAccept(s *session) {
	port := s.Port()
	s.Wait("come")
	c := s.network.Dial(s.t, port)
	c.Say("after the signal")
	c.CloseWrite()
	c.ExpectEnd()
	c.Close()
}

func interruptedRead(s *session) {
	c := s.accept()
	s.Wait("answer")
	c.Say("answer")
	c.ExpectEnd()
	c.Close()
}
