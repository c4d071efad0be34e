//go:build !amd64 && !arm64

package harden

// auditArch is zero where the filter is not known to be right.
const auditArch = 0

var allowedHere, forbiddenHere []int
