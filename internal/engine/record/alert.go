package record

import "fmt"

// Alert is the description of an alert (RFC 8446, section 6). As an error it
// is what is wrong with what the peer sent.
type Alert uint8

// The alerts that matter to records.
const (
	CloseNotify       Alert = 0
	UnexpectedMessage Alert = 10
	BadRecordMAC      Alert = 20
	RecordOverflow    Alert = 22
	IllegalParameter  Alert = 47
	DecodeError       Alert = 50
	ProtocolVersion   Alert = 70
	InternalError     Alert = 80
	UserCanceled      Alert = 90
)

var alertNames = map[Alert]string{
	CloseNotify: "close_notify", UnexpectedMessage: "unexpected_message", BadRecordMAC: "bad_record_mac",
	RecordOverflow: "record_overflow", IllegalParameter: "illegal_parameter", DecodeError: "decode_error", ProtocolVersion: "protocol_version",
	InternalError: "internal_error", UserCanceled: "user_canceled",
}

func (a Alert) Error() string {
	if name, ok := alertNames[a]; ok {
		return "alert " + name
	}
	return fmt.Sprintf("alert %d", uint8(a))
}

// level is that of an alert (RFC 8446, section 6).
func (a Alert) level() byte {
	if a == CloseNotify || a == UserCanceled {
		return 1
	}
	return 2
}

// Encode returns what an alert record carries, with the capacity for Seal.
func (a Alert) Encode() []byte { return append(make([]byte, 0, 3), a.level(), byte(a)) }
