package simulator

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A clock gives the simulator's time: its start, plus the wall's progress times
// a rate, plus an offset that only grows. It never goes back, whatever the
// wall's clock does.
type clock struct {
	mu     sync.Mutex
	rate   float64 // 1 real, 0 virtual, N times real time
	base   time.Time
	start  time.Time // the wall's time when base was taken
	offset time.Duration
	last   time.Time
}

// clockState is what a state file keeps of a clock.
type clockState struct {
	Now    time.Time `json:"now"`
	Offset string    `json:"offset"` // as in "1h30m0s"
}

func newClock(word string, offset time.Duration) (*clock, error) {
	rate, err := clockRate(word)
	if err != nil {
		return nil, err
	}
	now := wall()
	return &clock{rate: rate, base: now, start: now, offset: max(offset, 0)}, nil
}

func clockRate(word string) (float64, error) {
	switch {
	case word == "" || word == "real":
		return 1, nil
	case word == "virtual":
		return 0, nil
	case strings.HasPrefix(word, "fast="):
		rate, err := strconv.ParseFloat(word[len("fast="):], 64)
		if err == nil && rate > 0 && rate <= 1e6 {
			return rate, nil
		}
	}
	return 0, fmt.Errorf("clock %q: want real, virtual or fast=N with N from above 0 to 1000000", word)
}

// wall has no monotonic part, because states outlive processes and machines sleep.
func wall() time.Time { return time.Now().UTC().Round(0).Truncate(time.Microsecond) }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nowLocked()
}

func (c *clock) nowLocked() time.Time {
	passed := time.Duration(float64(wall().Sub(c.start)) * c.rate)
	if now := c.base.Add(passed + c.offset).Truncate(time.Microsecond); now.After(c.last) {
		c.last = now
	}
	return c.last
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += max(d, 0)
}

func (c *clock) state() clockState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return clockState{Now: c.nowLocked(), Offset: c.offset.String()}
}

// resume goes on where a saved clock stood. A real clock keeps the saved offset
// to the wall; a virtual one goes on at the saved time.
func (c *clock) resume(saved clockState) error {
	offset, err := time.ParseDuration(saved.Offset)
	if saved.Offset != "" && err != nil {
		return fmt.Errorf("clock offset %q: %w", saved.Offset, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rate != 1 && !saved.Now.IsZero() {
		c.base = saved.Now.UTC().Add(-offset)
	}
	c.offset = max(c.offset, offset)
	c.last = time.Time{}
	c.reachLocked(saved.Now)
	return nil
}

// reach moves the clock forward to a time, if it is behind.
func (c *clock) reach(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reachLocked(t)
}

func (c *clock) reachLocked(t time.Time) {
	c.offset += max(t.Sub(c.nowLocked()), 0)
}
