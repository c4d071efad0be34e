package revocation

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"
)

// maxSilent is how many hosts are remembered that gave no answer.
const maxSilent = 256

var errSilent = errors.New("it gave no answer a moment ago either")

// fetch is the fetcher's, but for hosts that gave no answer in time: where a
// firewall swallows what is sent, not every new certificate should have to wait.
func (v *View) fetch(ctx context.Context, r request) ([]byte, error) {
	c := v.checker
	u, err := url.Parse(r.url)
	if err != nil {
		return c.fetcher.fetch(ctx, r) // which says what is wrong
	}
	key, now, began := strconv.FormatBool(r.anywhere)+u.Host, c.cfg.Now(), time.Now()
	if _, silent := c.silent.find(key, now); silent {
		return nil, errSilent
	}
	data, err := c.fetcher.fetch(ctx, r)
	if err != nil && ctx.Err() != nil && !v.passing(ctx, began) {
		c.silent.add(&cached[struct{}]{key: key, size: 1, from: now, until: now.Add(failureSpan)})
	}
	return data, err
}
