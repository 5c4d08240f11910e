package reconcile

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Guard is one more reason why a change may not run by itself, besides those
// that the plan finds: a window, a freeze, a hold. It returns nil to let the
// change pass. It is pure, and asked anew at each pass.
type Guard func(c *Change, world *World) *Hold

// Once is what make makes of the world, made once for each decision: for guards
// that look at all of it. key tells apart what is made. It is not for concurrent use.
func (w *World) Once(key any, make func() any) any {
	if _, done := w.made[key]; !done {
		if w.made == nil {
			w.made = map[any]any{}
		}
		w.made[key] = make()
	}
	return w.made[key]
}

// guard asks all guards about each change.
func (p *decider) guard(guards []Guard) {
	p.world.made = nil
	for i := range p.changes {
		for _, guard := range guards {
			if hold := guard(&p.changes[i], p.world); hold != nil {
				p.changes[i].hold(*hold)
			}
		}
	}
}

// A Window says when changes may run, or may not. Where there are windows of
// kind allow, changes run in one of them only; a window of kind deny wins.
type Window struct {
	Kind     string        `yaml:"kind" default:"allow" check:"enum=allow|deny" doc:"allow: changes run only while one of these is open; deny: none run while it is, whatever else is open."`
	Schedule string        `yaml:"schedule" check:"required,nonempty" doc:"When it opens, as cron's five fields."`
	Duration time.Duration `yaml:"duration" check:"required" doc:"How long it is open each time, such as 4h or 90m."`
	TimeZone string        `yaml:"timeZone" default:"UTC" doc:"Time zone of the schedule, such as Europe/Paris."`
	Keys     []Key         `yaml:"keys" plan:"set" doc:"Keys, such as Container/api, that it is about, with all below them; everything if left out."`
	Reason   string        `yaml:"reason" doc:"What people are told when it holds a change."`
	Pos      Pos
}

// longest is more than any duration that means something.
const longest = 100 * 365 * 24 * time.Hour

// ParseDuration reads a duration of 0 or more as Go writes it, such as 90s, 30m
// or 1h30m, or as whole days, such as 90d.
func ParseDuration(text string) (time.Duration, error) {
	var d time.Duration
	var err error
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 15)
		d = time.Duration(n) * 24 * time.Hour
	} else {
		d, err = time.ParseDuration(text)
	}
	if err != nil || d < 0 || d > longest {
		return 0, fmt.Errorf("wants a duration, such as 30s, 10m, 4h or 90d, got %q", text)
	}
	return d, nil
}
