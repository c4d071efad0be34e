package endpoint

import "errors"

// ErrClosed says that no program has the end any more.
var ErrClosed = errors.New("the program has closed its descriptor")

// ErrNotTCP says that an end is not a TCP socket of the program.
var ErrNotTCP = errors.New("the descriptor is no TCP socket")
