// Package sys is the thin rim at the kernel's border: the type that owns a
// descriptor, streams over descriptors, and the raw system calls that neither
// the standard library nor x/sys offers in a typed form. It knows nothing of
// TLS, programs or policy.
package sys
