package revocation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	maxRedirects = 3
	maxHeader    = 16 << 10
	// maxFetches bounds what is fetched at the same time, for all programs.
	maxFetches = 32
	// maxListFetches bounds lists, which may be large, apart from those.
	maxListFetches = 4
)

// fetcher gets OCSP responses and revocation lists. It speaks plain HTTP only:
// what it gets is signed, and TLS would need a revocation check of its own. It
// uses no proxy of the environment and keeps no connection.
type fetcher struct {
	public, anywhere *http.Client
	slots, listSlots chan struct{}
}

func newFetcher() *fetcher {
	return &fetcher{
		public:    newClient(&net.Dialer{Control: onlyPublic}),
		anywhere:  newClient(&net.Dialer{}),
		slots:     make(chan struct{}, maxFetches),
		listSlots: make(chan struct{}, maxListFetches),
	}
}

func newClient(dialer *net.Dialer) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("more than %d redirects", maxRedirects)
			}
			return checkURL(req.URL)
		},
	}
}

func checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "http":
		return fmt.Errorf("only http is fetched, not %q", u.Scheme)
	case u.Host == "" || u.User != nil || u.Opaque != "":
		return errors.New("the address is malformed")
	}
	return nil
}

// request is what to fetch, and from where it may come.
type request struct {
	url      string
	body     []byte // an OCSP request; nil gets
	most     int64
	anywhere bool
}

// fetch returns the body of an answer.
func (f *fetcher) fetch(ctx context.Context, r request) ([]byte, error) {
	u, err := url.Parse(r.url)
	if err != nil {
		return nil, errors.New("the address is malformed")
	}
	if err := checkURL(u); err != nil {
		return nil, err
	}
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return nil, withoutURL(context.Cause(ctx))
	}
	return f.exchange(ctx, u, r)
}

func (f *fetcher) exchange(ctx context.Context, u *url.URL, r request) ([]byte, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if r.body != nil {
		method, body = http.MethodPost, bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "ssa")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/ocsp-request")
		req.Header.Set("Accept", "application/ocsp-response")
	}
	client := f.public
	if r.anywhere {
		client = f.anywhere
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	if resp.ContentLength > r.most {
		return nil, fmt.Errorf("it has %d bytes, more than %d", resp.ContentLength, r.most)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, r.most+1))
	if err != nil {
		return nil, withoutURL(err)
	}
	if int64(len(data)) > r.most {
		return nil, fmt.Errorf("it has more than %d bytes", r.most)
	}
	return data, nil
}

// withoutURL takes the address, which is told anyway, out of an error.
func withoutURL(err error) error {
	var refused errNotPublic
	if errors.As(err, &refused) {
		return refused
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errTooSlow
	}
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// untilOf bounds how long something is kept.
func untilOf(now, until time.Time, most time.Duration) time.Time {
	if limit := now.Add(most); limit.Before(until) {
		return limit
	}
	return until
}
