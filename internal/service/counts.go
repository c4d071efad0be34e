package service

// counts are numbers by user, and their sum. Nobody gets more than is left free
// for others. The last eighth is for those who have next to nothing, and of
// that the last part for root, who can end what the others do.
type counts struct {
	limit  int
	by     map[uint32]int
	sum    int
	blocks map[uint32]int // of those who have next to nothing, by block
}

func newCounts(limit int) counts {
	return counts{limit: limit, by: map[uint32]int{}, blocks: map[uint32]int{}}
}

// Parts of a limit.
const (
	reserved     = 8    // for users who have next to nothing
	reservedRoot = 64   // for root alone
	little       = 1024 // what next to nothing is, and at least one
)

// ordinary is below where machines put subordinate users: a block of so many
// that nobody knows the owner of gets a quarter of what is reserved.
const ordinary = 1 << 16

// add adds n to what a user has, if that is allowed.
func (c *counts) add(user uint32, n int) bool {
	if n > 0 && !c.may(user, n) {
		return false
	}
	before := c.by[user]
	c.sum += n
	after := before + n
	if after > 0 {
		c.by[user] = after
	} else {
		delete(c.by, user)
	}
	if block := user / ordinary; block > 0 {
		c.blocks[block] += n
		if c.blocks[block] <= 0 {
			delete(c.blocks, block)
		}
	}
	return true
}

func (c *counts) may(user uint32, n int) bool {
	sum, his := c.sum+n, c.by[user]+n
	switch {
	case sum > c.limit:
		return false
	case user == 0:
		return true
	case sum > c.limit-c.limit/reservedRoot:
		return false
	case sum <= c.limit-c.limit/reserved:
		return his <= max(c.limit-sum, c.little())
	}
	block := user / ordinary
	return his <= c.little() &&
		(block == 0 || c.blocks[block]+n <= max(c.limit/reserved/4, c.little()))
}

// little is what one must be able to have.
func (c *counts) little() int { return max(c.limit/little, 1) }
