package journal

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A StateReturn is what Salt returns of one state.
type StateReturn struct {
	ID        string                      `json:"__id__"`
	RunNum    int                         `json:"__run_num__"`
	SLS       string                      `json:"__sls__"`
	Name      string                      `json:"name"`
	Result    *bool                       `json:"result"`
	Changes   map[string]reconcile.OldNew `json:"changes"`
	Comment   string                      `json:"comment"`
	StartTime string                      `json:"start_time"` // time of day, UTC
	StartedAt time.Time                   `json:"started_at"` // the same in full, which Salt lacks
	Duration  json.Number                 `json:"duration"`   // milliseconds
	Warnings  []string                    `json:"warnings,omitempty"`
}

// Returns gives the states in Salt's shape, to be encoded as JSON: by the
// stack's name, which Salt calls the target, and by low tag, such as
// container_|-order-api_|-order-api_|-present. The states should be of one run;
// the ID of a step that Salt's tag does not tell from another ends in a number.
func Returns(target string, states []State) map[string]map[string]StateReturn {
	byTag := make(map[string]StateReturn, len(states))
	for _, s := range states {
		id := freeID(s, byTag)
		changes := s.Return.Changes
		if changes == nil {
			changes = map[string]reconcile.OldNew{}
		}
		byTag[s.tag(id)] = StateReturn{
			ID: id, RunNum: s.RunNum, SLS: s.Return.SLS, Name: s.Name(), Result: s.Return.Result,
			Changes: changes, Comment: s.Return.Comment, StartTime: timeOfDay(s.Return.StartedAt),
			StartedAt: s.Return.StartedAt.UTC(), Duration: json.Number(millis(s.Return.Duration)), Warnings: s.Return.Warnings,
		}
	}
	return map[string]map[string]StateReturn{target: byTag}
}

// freeID is the state's ID, made another one where its tag is taken already.
func freeID(s State, byTag map[string]StateReturn) string {
	id := s.ID()
	for n := s.RunNum; ; n++ {
		if _, taken := byTag[s.tag(id)]; !taken {
			return id
		}
		id = fmt.Sprintf("%s#%d", s.ID(), n)
	}
}

// timeOfDay is how Salt writes when a state began; ours is UTC.
func timeOfDay(t time.Time) string { return t.UTC().Format("15:04:05.000000") }

// millis writes microseconds as milliseconds, as Python prints a float.
func millis(micros int64) string {
	text := strings.TrimRight(fmt.Sprintf("%.3f", float64(micros)/1000), "0")
	if strings.HasSuffix(text, ".") {
		text += "0"
	}
	return text
}

// total writes a sum of microseconds with Salt's unit for it.
func total(micros int64) (number, unit string) {
	ms := float64(micros) / 1000
	if ms > 999 {
		return fmt.Sprintf("%.3f", ms/1000), "s"
	}
	return fmt.Sprintf("%.3f", ms), "ms"
}
