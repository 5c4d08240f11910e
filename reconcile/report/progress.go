package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Step is what is known of one step of an apply at a moment.
type Step struct {
	Key     reconcile.Key
	Symbol  string        // as a plan's
	State   string        // started and waiting are under way; all else (done, failed, held, skipped) is an end
	Detail  string        // of waiting: for what ("for ready"); of started: what it is doing; of an end: why
	Elapsed time.Duration // 0: since the step was first told about
	Usual   time.Duration // how long it usually takes; 0 is not known
}

func (s *Step) running() bool { return s.State == "started" || s.State == "waiting" }

// doing is what a running step is about: "started", "waiting for ready", or its detail alone.
func (s *Step) doing() string {
	if s.State == "started" && s.Detail != "" {
		return s.Detail
	}
	return strings.TrimSpace(s.State + " " + s.Detail)
}

// Progress shows an apply while it runs. On a terminal each running step has one
// line at the bottom, which is redrawn, and ended ones scroll up. Elsewhere a
// step has a line when it starts and one when it ends, and between them no more
// than it takes to see that it goes on.
//
// Write it to standard error: standard output is for results. It may be used
// concurrently.
type Progress struct {
	Color bool // set before the first step

	mu       sync.Mutex
	w        io.Writer
	terminal bool
	width    int
	now      func() time.Time
	open     []*running // in the order begun
	drawn    int        // lines at the bottom that are redrawn
	sign     int        // columns that symbols fill
	key      int        // columns that keys fill
	closed   bool
}

type running struct {
	Step
	began time.Time
	said  time.Time // off a terminal: when it last had a line
	told  string    // and what that said
}

const (
	usualKey   = 30               // columns for keys, if none is longer
	widestKey  = 60               // a longer key does not move the column
	usualState = 20               // columns for what a step is doing
	mostLive   = 12               // lines at the bottom
	calm       = 5 * time.Second  // off a terminal a step has no two lines within this
	silence    = 30 * time.Second // and another one after this, even with nothing new
)

// NewProgress makes a display. width is that of the terminal, 0 if it is not known.
func NewProgress(w io.Writer, terminal bool, width int, now func() time.Time) *Progress {
	return &Progress{w: w, terminal: terminal, width: width, now: now, sign: 1, key: usualKey}
}

// Expect makes room for the steps of a plan, so that columns stay where they are.
func (p *Progress) Expect(plan *reconcile.Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range plan.Steps {
		p.fit(Symbol(&plan.Steps[i]), string(plan.Steps[i].Key))
	}
}

// fit makes the columns wide enough.
func (p *Progress) fit(symbol, key string) {
	p.sign = max(p.sign, width(symbol))
	if n := width(key); n <= widestKey {
		p.key = max(p.key, n)
	}
}

// Tell shows what the engine says of a step.
func (p *Progress) Tell(e reconcile.Progress) {
	s := Step{Key: e.Change.Key, Symbol: Symbol(e.Change), State: e.State, Detail: e.Detail, Usual: e.Usual}
	if !e.Since.IsZero() {
		s.Elapsed = p.now().Sub(e.Since)
	}
	p.Step(s)
}

// Step shows what is known of a step.
func (p *Progress) Step(s Step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	s.Key, s.Detail = reconcile.Key(reconcile.Clean(string(s.Key))), reconcile.Clean(s.Detail)
	p.fit(s.Symbol, string(s.Key))
	if s.running() {
		p.goOn(s)
		return
	}
	lines := p.ended(s, p.drop(s))
	p.redraw(lines)
}

// Tick redraws the times of a terminal; call it every second or so.
func (p *Progress) Tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal && !p.closed && len(p.open) > 0 {
		p.redraw(nil)
	}
}

// Close ends the display. What stands there stays, and nothing more is printed.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// goOn shows a step that is under way.
func (p *Progress) goOn(s Step) {
	now := p.now()
	r := p.find(s.Key)
	if r == nil {
		r = &running{began: now}
		p.open = append(p.open, r)
	}
	if r.Step = s; s.Elapsed > 0 {
		r.began = now.Add(-s.Elapsed)
	}
	quiet := now.Sub(r.said)
	switch {
	case p.terminal:
		p.redraw(nil)
	case quiet >= silence || quiet >= calm && r.told != s.doing():
		r.said, r.told = now, s.doing()
		p.redraw([]string{p.live(r)})
	}
}

func (p *Progress) find(key reconcile.Key) *running {
	for _, r := range p.open {
		if r.Key == key {
			return r
		}
	}
	return nil
}

// drop takes a step off the running ones and tells how long it took.
func (p *Progress) drop(s Step) time.Duration {
	elapsed := s.Elapsed
	for i, r := range p.open {
		if r.Key != s.Key {
			continue
		}
		if elapsed == 0 {
			elapsed = p.now().Sub(r.began)
		}
		p.open = append(p.open[:i], p.open[i+1:]...)
		break
	}
	return elapsed
}

// redraw writes lines that stay, above those of the running steps. A display
// that cannot be written to is no reason to stop an apply, so errors are dropped.
func (p *Progress) redraw(lines []string) {
	var out strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&out, "\x1b[%dA\r\x1b[J", p.drawn)
	}
	if p.terminal {
		live := p.bottom()
		p.drawn = len(live)
		lines = append(lines, live...)
	}
	for _, l := range lines {
		out.WriteString(l + "\n")
	}
	_, _ = io.WriteString(p.w, out.String())
}

// bottom are the lines of the running steps.
func (p *Progress) bottom() []string {
	var lines []string
	for i, r := range p.open {
		if i == mostLive-1 && len(p.open) > mostLive {
			lines = append(lines, fmt.Sprintf("    and %d more", len(p.open)-i))
			break
		}
		lines = append(lines, p.live(r))
	}
	return lines
}

// live is the line of a running step. On a terminal it must not wrap, or the
// next redraw would begin in the wrong line.
func (p *Progress) live(r *running) string {
	clock := minutes(p.now().Sub(r.began))
	if r.Usual > 0 && (!p.terminal || p.width == 0 || p.width >= 60) {
		clock += " / about " + minutes(r.Usual)
	}
	key, state := string(r.Key), r.doing()
	keyRoom, stateRoom := p.rooms(clock)
	if p.terminal && p.width > 0 {
		key, state = fold(key, keyRoom), fold(state, stateRoom)
	}
	return p.line(r.Symbol, pad(key, keyRoom), pad(state, min(usualState, stateRoom)), clock, none)
}

// rooms are the columns that a running step's key and state may fill.
func (p *Progress) rooms(clock string) (key, state int) {
	if !p.terminal || p.width == 0 {
		return p.key, usualState
	}
	both := max(p.width-1-p.indent()-2-3-width(clock), 8)
	key = min(p.key, both*3/5)
	return key, both - key
}

// indent is where keys begin.
func (p *Progress) indent() int { return 2 + p.sign + 1 }

// ended are the lines of a step that has come to its end; why stands below.
func (p *Progress) ended(s Step, elapsed time.Duration) []string {
	colour := map[string]tint{"done": green, "failed": red, "held": yellow}[s.State]
	clock := ""
	if elapsed > 0 {
		clock = took(elapsed)
	}
	key := p.key
	if p.terminal && p.width > 0 {
		key = min(key, p.width/2)
	}
	lines := []string{p.line(s.Symbol, pad(string(s.Key), key), pad(s.State, 8), clock, colour)}
	if s.Detail == "" {
		return lines
	}
	limit := 0
	if p.width > 0 {
		limit = max(p.width, narrowest) - p.indent() - 2
	}
	for _, l := range wrap(s.Detail, limit) {
		lines = append(lines, spaces(p.indent()+2)+colour.paint(l, p.Color))
	}
	return lines
}

func (p *Progress) line(symbol, key, state, clock string, colour tint) string {
	sign := spaces(2+p.sign-width(symbol)) + tintOf(symbol).paint(symbol, p.Color)
	return strings.TrimRight(sign+" "+key+"  "+colour.paint(state, p.Color)+"   "+clock, " ")
}

// minutes is a running time as a clock shows it: 00:11, 1:02:03.
func minutes(d time.Duration) string {
	s := int(max(d, 0).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}
