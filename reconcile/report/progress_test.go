package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// A stage is a display with a clock of its own.
type stage struct {
	*report.Progress
	out bytes.Buffer
	now time.Time
}

func newStage(terminal bool, width int) *stage {
	s := &stage{now: now}
	s.Progress = report.NewProgress(&s.out, terminal, width, func() time.Time { return s.now })
	return s
}

func (s *stage) after(d time.Duration) *stage {
	s.now = s.now.Add(d)
	return s
}

// play is an apply of six steps.
func (s *stage) play() {
	namespace := report.Step{Key: "Container/report/Namespace", Symbol: "+", Usual: 4 * time.Second}
	container := report.Step{Key: "Container/report", Symbol: "+", Usual: 15 * time.Second}
	server := report.Step{Key: "BareMetalPool/workers/Server/2", Symbol: "!", Usual: 5 * time.Minute}
	billing := report.Step{Key: "Container/billing", Symbol: "~"}
	say := func(step report.Step, state, detail string) {
		step.State, step.Detail = state, detail
		s.Step(step)
	}
	say(namespace, "started", "")
	say(server, "started", "")
	say(namespace, "waiting", "for ready")
	s.after(4200 * time.Millisecond)
	say(namespace, "done", "")
	say(container, "started", "")
	s.after(time.Second)
	say(container, "waiting", "for ready")
	say(billing, "started", "")
	s.after(10 * time.Second).Tick()
	say(container, "waiting", "for ready")
	say(server, "started", "writing disk nvme0n1 43% 1.1 GB/s")
	say(billing, "failed", "Scaleway refused the update: memory 512 MB needs at least 280 mvCPU, spec says 140 (request 06840207-b134)")
	s.after(40 * time.Second)
	say(container, "waiting", "for ready")
	say(container, "done", "")
	say(report.Step{Key: "Container/report/Trigger/nightly", Symbol: "+"}, "skipped", "the run's time was over")
	say(report.Step{Key: "Container/\x1b[2Jold\u202e", Symbol: "-"}, "held", "prune\x07 is off")
	s.Close()
	say(server, "done", "")
	s.Tick()
}

func TestProgressGolden(t *testing.T) {
	var all strings.Builder
	for _, c := range []struct {
		name     string
		terminal bool
		width    int
		color    bool
	}{
		{"in a job", false, 100, false},
		{"in a job, in colour", false, 100, true},
		{"on a terminal", true, 100, false},
		{"on a narrow terminal", true, 50, false},
	} {
		s := newStage(c.terminal, c.width)
		s.Color = c.color
		s.play()
		fmt.Fprintf(&all, "-- %s --\n%s", c.name, strings.NewReplacer("\x1b", "^[", "\r", "^M").Replace(s.out.String()))
		if c.terminal {
			fmt.Fprintf(&all, "-- %s, what is left to see --\n%s", c.name, screen(t, s.out.String(), c.width))
		}
	}
	golden(t, "progress", all.String())
}

// screen plays a terminal that knows how to go up and to erase.
func screen(t *testing.T, out string, width int) string {
	var lines []string
	row := 0
	for len(out) > 0 {
		var up int
		if n, _ := fmt.Sscanf(out, "\x1b[%dA\r\x1b[J", &up); n == 1 {
			if row -= up; row < 0 {
				t.Fatalf("goes up %d lines of %d", up, row+up)
			}
			lines = lines[:row]
			out = out[strings.Index(out, "J")+1:]
		}
		line, rest, _ := strings.Cut(out, "\n")
		if strings.ContainsRune(line, '\x1b') {
			t.Fatalf("escapes in %q", line)
		}
		lines, row, out = append(lines, line), row+1, rest
		if strings.Contains(line, "/ about") && columns(line) >= width {
			t.Errorf("a live line wraps: %q", line)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestProgressShowsFewLiveLines(t *testing.T) {
	s := newStage(true, 80)
	for i := range 30 {
		s.Step(report.Step{Key: reconcile.Key(fmt.Sprintf("Container/c%d", i)), Symbol: "+", State: "started"})
	}
	lines := strings.Split(strings.TrimSpace(screen(t, s.out.String(), 80)), "\n")
	if last := lines[len(lines)-1]; len(lines) != 12 || strings.TrimSpace(last) != "and 19 more" {
		t.Errorf("%d lines, the last %q", len(lines), last)
	}
}

func TestProgressTellsWhatTheEngineSays(t *testing.T) {
	s := newStage(false, 0)
	change := &reconcile.Change{Key: "Container/web", Action: reconcile.Replace, First: reconcile.Create}
	s.Expect(&reconcile.Plan{Steps: []reconcile.Change{*change}})
	s.Tell(reconcile.Progress{Change: change, State: "waiting", Detail: "to be gone", Since: now.Add(-75 * time.Second), Usual: time.Minute})
	s.Tell(reconcile.Progress{Change: change, State: "done", Since: now.Add(-80 * time.Second)})
	want := "  +/- Container/web                   waiting to be gone     01:15 / about 01:00\n" +
		"  +/- Container/web                   done       1 min 20 s\n"
	if got := s.out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestProgressIsSafeForConcurrentUse(t *testing.T) {
	var out bytes.Buffer
	p := report.NewProgress(&out, true, 80, time.Now)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			step := report.Step{Key: reconcile.Key(fmt.Sprintf("Container/c%d", i)), Symbol: "+"}
			for _, step.State = range []string{"started", "waiting", "waiting", "done"} {
				p.Step(step)
				p.Tick()
			}
		})
	}
	all.Wait()
	p.Close()
	if got := strings.Count(screen(t, out.String(), 80), "done"); got != 8 {
		t.Errorf("%d steps are done, want 8", got)
	}
}
