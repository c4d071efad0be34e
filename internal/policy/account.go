package policy

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// noAccount stands for one that is only known where the service runs.
const noAccount = ^uint32(0)

const maxAccountFile = 16 << 20

// accountID returns the number of a user or group: of a number itself, of a
// name by /etc/passwd or /etc/group. Other sources of accounts are not asked,
// since they may be on the network.
func (l *loader) accountID(file, kind, name string) (uint32, error) {
	if id, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(id), nil
	}
	if l.outline {
		return noAccount, nil
	}
	data, err := readRegular(l.files, strings.TrimPrefix(file, "/"), maxAccountFile)
	if err != nil {
		return 0, fileError(file, err)
	}
	var names []string
	for scanner := bufio.NewScanner(bytes.NewReader(data)); scanner.Scan(); {
		fields := strings.Split(scanner.Text(), ":")
		if len(fields) < 3 {
			continue
		}
		if fields[0] == name {
			if id, err := strconv.ParseUint(fields[2], 10, 32); err == nil {
				return uint32(id), nil
			}
		}
		names = append(names, fields[0])
	}
	return 0, fmt.Errorf("no %s %q in %s, a number is allowed too%s", kind, clip(name), file, didYouMean(name, names))
}
