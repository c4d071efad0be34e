package trust

// Cause classifies why a peer was not accepted.
type Cause uint8

// Causes.
const (
	Other             Cause = iota // what crypto/x509 says, see the sentence
	NoCertificate                  // the peer sent none
	Expired                        // a certificate of the chain has expired
	NotYetValid                    // a certificate of the chain is not valid yet
	WrongName                      // the certificate is for someone else
	SelfSigned                     // the peer's own certificate signed itself and is no anchor
	UnknownAnchor                  // the chain leads to no anchor
	NotByProgram                   // the program's own certificates do not cover it
	WrongUsage                     // a certificate of the chain is for another purpose
	Constrained                    // an issuer may not sign for this name, or not sign at all
	Weak                           // a key is too small or a signature algorithm broken
	Revoked                        // a certificate of the chain was revoked
	RevocationUnknown              // nobody said whether it was, and that is required
	NotStapled                     // the certificate wants a staple that did not come
	NotLogged                      // too few transparency logs know the certificate
	NotPinned                      // no key of the chain is one of those pinned
)

var causeNames = [...]string{
	"other", "no certificate", "expired", "not yet valid", "wrong name", "self-signed",
	"unknown anchor",
	"not by program", "wrong usage", "constrained", "weak", "revoked", "revocation unknown",
	"not stapled", "not logged", "not pinned",
}

// String returns the cause in words.
func (c Cause) String() string {
	if int(c) < len(causeNames) {
		return causeNames[c]
	}
	return "unknown cause"
}

// Error says why a peer was not accepted.
type Error struct {
	Cause Cause
	// Sentence is one sentence for a person. What comes from a certificate in
	// it has been cleaned.
	Sentence string
	Err      error // of crypto/x509, may be nil
}

func (e *Error) Error() string { return e.Sentence }

// Unwrap returns the error of crypto/x509.
func (e *Error) Unwrap() error { return e.Err }

func fail(cause Cause, sentence string, err error) *Error {
	return &Error{Cause: cause, Sentence: sentence, Err: err}
}
