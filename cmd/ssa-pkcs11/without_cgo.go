//go:build !cgo

package main

import (
	"fmt"
	"os"
)

// main is what is left of the command without cgo, and says so.
func main() {
	fmt.Fprintln(os.Stderr, "ssa-pkcs11: error: this ssa-pkcs11 was built without cgo, and so cannot load PKCS #11 modules, "+
		"which are C libraries; build it with CGO_ENABLED=1 and a C compiler")
	os.Exit(2)
}
