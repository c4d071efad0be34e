// Package coverage saves what a process has counted that was built by `make
// cover`, also where Go's runtime cannot. It is empty without the build tag
// ssacover: builds that are shipped have nothing of it.
package coverage
