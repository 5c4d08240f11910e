package main

import (
	"strings"
	"testing"
)

func TestTableFitsItsTerminal(t *testing.T) {
	rows := func() [][]string {
		return [][]string{{"STACK", "CONDITION", "SINCE", ""}, {"shop", "held", "2 min ago", "one change is held until a person has looked at it"}, {"office", "synced", "just now", "matches Git"}}
	}
	for _, c := range []struct {
		width int
		want  string
	}{
		{0, `
STACK   CONDITION  SINCE
shop    held       2 min ago  one change is held until a person has looked at it
office  synced     just now   matches Git
`}, {60, `
STACK   CONDITION  SINCE
shop    held       2 min ago
    one change is held until a person has looked at it
office  synced     just now   matches Git
`}, {24, `
STACK   CONDITION
    SINCE
shop    held
    2 min ago
    one change is held
    until a person has
    looked at it
office  synced
    just now
    matches Git
`},
	} {
		var out strings.Builder
		s := &sheet{w: &out, width: c.width}
		s.table(rows())
		if s.err != nil || "\n"+out.String() != c.want {
			t.Errorf("at %d columns, error %v:\n%s", c.width, s.err, out.String())
		}
	}
}

func TestSentencesFitTheirTerminal(t *testing.T) {
	var out strings.Builder
	s := &sheet{w: &out, width: 30}
	s.line(2, "%s", "the branch points to b52ec76, which does not go on\x1b")
	s.facts(2, [][]string{{"commit", `b52ec76 "Another way" by somebody`}, {"nothing", " "}})
	const want = `  the branch points to
    b52ec76, which does not go
    on\x1b
  commit  b52ec76 "Another
          way" by somebody
`
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}
