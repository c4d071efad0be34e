// Package turns says who may compute when many want to: a bounded number of
// turns goes round. Turns are for work and not for waiting: what waits for a
// peer, or for anybody else, gives its turn back meanwhile. It never knows what
// the work is.
package turns
