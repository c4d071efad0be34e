package transparency

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// maxTimestamps bounds the signatures verified for one certificate.
	maxTimestamps = 32
	// Certificates longer than longLived need timestamps of more logs.
	longLived = 180 * 24 * time.Hour
	fewLogs   = 2
	moreLogs  = 3
	// operators is from how many operators they must come.
	operators = 2
	// skew is how far the clock of a log may be ahead.
	skew = 5 * time.Minute
)

// Evidence is what came with a certificate.
type Evidence struct {
	// TLS holds the timestamps of the TLS extension, one each.
	TLS [][]byte
	// OCSP is the encoded list in a stapled OCSP response.
	OCSP []byte
}

// Report says which logs have promised to publish a certificate.
type Report struct {
	Logs []string
	// Problems says in words why timestamps did not count.
	Problems []string
}

// check is one certificate under judgement.
type check struct {
	list  *List
	cert  *x509.Certificate
	now   time.Time
	seen  int
	logs  map[id]*ctLog // whose timestamps are good
	fresh bool          // one of them is not retired
	report
}

type report = Report

// Check verifies that a certificate was promised to enough logs. The chain is
// verified, leaf first. The error says in words what is missing.
func (l *List) Check(chain []*x509.Certificate, evidence Evidence, now time.Time) (Report, error) {
	if len(chain) == 0 {
		return Report{}, errors.New("there is no certificate")
	}
	c := &check{list: l, cert: chain[0], now: now, logs: make(map[id]*ctLog)}
	whole := certificateEntry(chain[0])
	if len(chain) > 1 {
		if list := embedded(chain[0]); list != nil {
			entry, err := precertificateEntry(chain[0], chain[1])
			c.judgeList(list, entry, err, "in the certificate")
		}
	}
	if evidence.OCSP != nil {
		c.judgeList(evidence.OCSP, whole, nil, "in the stapled OCSP response")
	}
	for _, one := range evidence.TLS {
		c.judge(one, whole, "in the handshake")
	}
	return c.report, c.enough()
}

func (c *check) judgeList(list, entry []byte, err error, where string) {
	all, splitErr := splitList(list)
	if err = errors.Join(err, splitErr); err != nil {
		c.problem("the timestamps %s are malformed", where)
		return
	}
	for _, one := range all {
		c.judge(one, entry, where)
	}
}

// judge verifies one timestamp.
func (c *check) judge(data, entry []byte, where string) {
	if c.seen++; c.seen > maxTimestamps {
		return
	}
	t, err := parseTimestamp(data)
	if err != nil {
		c.problem("a timestamp %s is %v", where, err)
		return
	}
	log := c.list.logs[t.log]
	if log == nil {
		c.problem("a timestamp %s is of a log that the list does not name", where)
		return
	}
	at := t.time()
	switch {
	case log.state == unfit:
		c.problem("the log %s is not usable", log.name)
	case log.state == retiring && !at.Before(log.retired):
		c.problem("the log %s was retired on %s, before its timestamp", log.name, log.retired.UTC().Format("2006-01-02"))
	case at.After(c.now.Add(skew)):
		c.problem("the timestamp of the log %s is in the future (%s)", log.name, at.UTC().Format("2006-01-02 15:04 UTC"))
	case !log.takes(c.cert.NotAfter):
		c.problem("the log %s takes no certificates that expire on %s", log.name, c.cert.NotAfter.UTC().Format("2006-01-02"))
	case !t.verify(log.key, entry):
		c.problem("the timestamp of the log %s is not for this certificate", log.name)
	case c.logs[t.log] == nil:
		c.logs[t.log] = log
		c.fresh = c.fresh || log.state == active
		c.Logs = append(c.Logs, log.name)
	}
}

func (l *ctLog) takes(end time.Time) bool {
	return (l.from.IsZero() || !end.Before(l.from)) && (l.to.IsZero() || end.Before(l.to))
}

func (c *check) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(c.Problems, text) && len(c.Problems) < 5 {
		c.Problems = append(c.Problems, text)
	}
}

// enough is the rule that browsers have too: two logs, three for certificates
// of more than 180 days, of two operators at least, and one of them not retired.
func (c *check) enough() error {
	need := fewLogs
	if c.cert.NotAfter.Sub(c.cert.NotBefore) > longLived {
		need = moreLogs
	}
	by := map[string]bool{}
	for _, log := range c.logs {
		by[log.operator] = true
	}
	var text string
	switch {
	case c.seen == 0:
		return errors.New("it came without any signed certificate timestamp")
	case len(c.logs) < need:
		text = fmt.Sprintf("%d of its %d signed certificate timestamps count, and %d logs are needed", len(c.logs), c.seen, need)
	case len(by) < operators:
		text = "all its signed certificate timestamps are of logs of one operator"
	case !c.fresh:
		text = "all logs of its signed certificate timestamps are retired"
	default:
		return nil
	}
	if len(c.Problems) > 0 {
		text += ": " + strings.Join(c.Problems, "; ")
	}
	return errors.New(text)
}
