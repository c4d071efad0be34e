package ticketstore

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/policy"
)

// A server that repeats what it refuses does not get the password into a log.
func TestPasswordIsNotRepeated(t *testing.T) {
	for answer, want := range map[string]string{
		"-WRONGPASS invalid username-password pair\r\n":                             "signing in as ssa: the server refused it: WRONGPASS",
		"-ERR unknown command 'AUTH', with args beginning with: 'ssa' 'sesame'\r\n": "signing in as ssa: the server refused it: ERR",
		"-SESAME\r\n": "signing in as ssa: the server refused it: for a reason that cannot be shown",
		"+sesame\r\n": "signing in as ssa: " + errProtocol.Error(),
	} {
		ours, its := net.Pipe()
		done := make(chan error, 1)
		go func() {
			command := make([]byte, len(encode([]string{"AUTH", "ssa", "sesame"})))
			if _, err := io.ReadFull(its, command); err != nil {
				done <- err
				return
			}
			_, err := io.WriteString(its, answer)
			done <- err
		}()
		d := &dialer{store: &policy.TicketStore{User: "ssa"},
			access: policy.TicketAccess{Password: "sesame"}}
		err := d.greet(&redis{conn: ours, reader: bufio.NewReaderSize(ours, maxLine)})
		if serverErr := <-done; serverErr != nil {
			t.Fatal(serverErr)
		}
		ours.Close()
		its.Close()
		if err == nil || err.Error() != want || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q: error %v, want %s", answer, err, want)
		}
	}
}
