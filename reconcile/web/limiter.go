package web

import (
	"net/netip"
	"sync"
	"time"
)

// limiter slows down who guesses: each address has a stock of failures, which
// fills again with time. Who has none left is refused before anything is looked
// up, but for tokens that were good a moment ago: a stranger behind the same
// proxy locks nobody out. It forgets rather than grow.
type limiter struct {
	mu       sync.Mutex
	failures map[netip.Prefix]stock
	good     map[string]time.Time // by the token's hash
}

// stock is how many failures are left, and when that was so.
type stock struct {
	left float64
	at   time.Time
}

const (
	mostFailures  = 10
	failureRefill = 6 * time.Second // for one
	mostAddresses = 4096
	mostGood      = 1024
	goodFor       = 15 * time.Minute
)

func newLimiter() *limiter {
	return &limiter{failures: map[netip.Prefix]stock{}, good: map[string]time.Time{}}
}

// wait is how long an address has to wait before it may try the token whose hash is given.
func (l *limiter) wait(address, hash string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.good[hash]; ok && now.Sub(at) < goodFor {
		return 0
	}
	left := l.stock(address, now).left
	if left >= 1 {
		return 0
	}
	return time.Duration((1 - left) * float64(failureRefill))
}

// failed takes one from the stock of an address.
func (l *limiter) failed(address string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.failures) >= mostAddresses {
		l.forget(now)
	}
	s := l.stock(address, now)
	s.left = max(0, s.left-1)
	l.failures[prefixOf(address)] = s
}

// succeeded notes a token that is good.
func (l *limiter) succeeded(hash string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.good) >= mostGood {
		for old, at := range l.good {
			if now.Sub(at) >= goodFor || len(l.good) > mostGood*3/4 {
				delete(l.good, old)
			}
		}
	}
	l.good[hash] = now
}

func (l *limiter) stock(address string, now time.Time) stock {
	s, ok := l.failures[prefixOf(address)]
	if !ok {
		return stock{mostFailures, now}
	}
	gained := float64(now.Sub(s.at)) / float64(failureRefill)
	return stock{min(mostFailures, s.left+max(0, gained)), now}
}

// forget makes room: those whose stock is full again go, and if none is, any.
func (l *limiter) forget(now time.Time) {
	for prefix, s := range l.failures {
		if now.Sub(s.at) >= mostFailures*failureRefill {
			delete(l.failures, prefix)
		}
	}
	for prefix := range l.failures {
		if len(l.failures) <= mostAddresses*3/4 { // so that not each further one makes us look at all
			return
		}
		delete(l.failures, prefix)
	}
}

// prefixOf is what counts as one sender: an IPv4 address, or the network of an IPv6 one.
func prefixOf(address string) netip.Prefix {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}
	}
	ip = ip.Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	prefix, _ := ip.Prefix(bits) // the bits fit
	return prefix
}
