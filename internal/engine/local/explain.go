package local

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"unicode"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/trust"
)

// explain classifies why a handshake failed, and says it in words. The
// context is the caller's, without the time limit of the request.
func (a *attempt) explain(ctx context.Context, err error) *engine.Error {
	var own *engine.Error
	if errors.As(err, &own) {
		return own
	}
	var untrusted *trust.Error
	if errors.As(err, &untrusted) {
		return &engine.Error{Reason: engine.Untrusted, Sentence: untrusted.Sentence, Err: err}
	}
	if out := a.explainContext(ctx, err); out != nil {
		return out
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		if errno == syscall.EPIPE {
			// The same event, seen while writing.
			errno = syscall.ECONNRESET
		}
		return &engine.Error{Reason: engine.Network, Sentence: "the connection broke during the TLS handshake: " + errno.Error(), Err: errno}
	}
	if out := a.alertError(err, a.wire.plaintext); out != nil {
		return out
	}
	if a.req.Role == engine.Server && err.Error() == noClientCertificate {
		return &engine.Error{Reason: engine.Untrusted, Sentence: a.noCertificateSentence(), Err: err}
	}
	return &engine.Error{Reason: engine.Protocol, Sentence: a.protocolSentence(err), Err: err}
}

// explainContext recognises that time ran out or that the caller gave up.
func (a *attempt) explainContext(ctx context.Context, err error) *engine.Error {
	var cause *engine.Error
	switch {
	case ctx.Err() != nil && errors.As(context.Cause(ctx), &cause):
		return cause
	case errors.Is(ctx.Err(), context.Canceled):
		return &engine.Error{Reason: engine.Cancelled, Sentence: "the TLS handshake was cancelled",
			Err: ctx.Err()}
	case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return &engine.Error{Reason: engine.TimedOut, Err: err,
			Sentence: fmt.Sprintf("the TLS handshake did not finish within %s", timeLimit(a.req))}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return &engine.Error{Reason: engine.TimedOut,
			Sentence: "the TLS handshake did not finish in time", Err: err}
	}
	return nil
}

func (a *attempt) protocolSentence(err error) string {
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header):
		return notTLS(a.req.Role, header)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		if a.req.Role == engine.Server {
			return "the client closed the connection during the handshake"
		}
		return "the peer closed the connection during the handshake; it may not speak TLS on this port"
	}
	if text := err.Error(); strings.Contains(text, "unsupported type of public key") ||
		strings.Contains(text, "unsupported public key of type") ||
		strings.Contains(text, "unsupported elliptic curve") {
		return who(a.req.Role) + "'s certificate has a key of a kind that is not supported; RSA keys, ECDSA keys on the curves P-256, P-384 and P-521, and Ed25519 keys are"
	}
	return "the TLS handshake went wrong: " + printableText(err)
}

// who is the other end.
func who(role engine.Role) string {
	if role == engine.Server {
		return "the client"
	}
	return "the peer"
}

// greetings are how other protocols begin. The hint is for a client: what its
// peer would have to be asked first.
var greetings = []struct {
	start, name, hint string
}{
	{"HTTP/", "plain HTTP", ""},
	{"GET ", "plain HTTP", ""}, {"POST ", "plain HTTP", ""}, {"HEAD ", "plain HTTP", ""},
	{"PUT ", "plain HTTP", ""}, {"OPTIO", "plain HTTP", ""}, {"CONNE", "plain HTTP", ""}, {"DELET", "plain HTTP", ""},
	{"SSH-", "SSH", ""},
	{"220", "SMTP or FTP", "; if it offers STARTTLS, use TCP_UPGRADE_TLS once it agreed"},
	{"* OK", "IMAP", "; if it offers STARTTLS, use TCP_UPGRADE_TLS once it agreed"},
	{"+OK", "POP3", "; if it offers STLS, use TCP_UPGRADE_TLS once it agreed"},
}

// notTLS explains a first record that is none.
func notTLS(role engine.Role, err tls.RecordHeaderError) string {
	if !strings.Contains(err.Msg, "first record") {
		return "the TLS handshake went wrong: " + printableText(err)
	}
	for _, g := range greetings {
		if !bytes.HasPrefix(err.RecordHeader[:], []byte(g.start)) {
			continue
		}
		if role == engine.Server {
			return "the client does not speak TLS, but " + g.name
		}
		return "the peer does not speak TLS on this port, but " + g.name + g.hint
	}
	if role == engine.Server {
		return "the client does not speak TLS"
	}
	return "the peer does not speak TLS on this port"
}

// printableText is the text of an error of crypto/tls, without its prefixes and
// fit for a terminal: parts of it may come from the peer.
func printableText(err error) string {
	const limit = 300
	text := strings.TrimPrefix(err.Error(), "local error: ")
	text = strings.TrimPrefix(text, "tls: ")
	var out strings.Builder
	for _, r := range text {
		if out.Len() >= limit {
			out.WriteString("...")
			break
		}
		if !unicode.IsPrint(r) {
			r = '?'
		}
		out.WriteRune(r)
	}
	return out.String()
}
