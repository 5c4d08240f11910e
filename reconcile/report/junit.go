package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

type testsuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	verdicts
	Suite testsuite `xml:"testsuite"`
}

type testsuite struct {
	Name string `xml:"name,attr"`
	verdicts
	Time      string     `xml:"time,attr"`
	Timestamp string     `xml:"timestamp,attr,omitempty"`
	Cases     []testcase `xml:"testcase"`
}

type verdicts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

type testcase struct {
	Suite   string  `xml:"classname,attr"`
	Name    string  `xml:"name,attr"`
	File    string  `xml:"file,attr,omitempty"`
	Time    string  `xml:"time,attr"`
	Failure *outcry `xml:"failure"`
	Error   *outcry `xml:"error"`
	Skipped *outcry `xml:"skipped"`
}

// An outcry says why a testcase did not pass. GitLab shows its text alone.
type outcry struct {
	Why  string `xml:"type,attr"`
	Text string `xml:",innerxml"`
}

// JUnit writes a suite of the stack with a testcase for each key that differs.
// What counts as drift has failed, what could not be read is an error; what is
// known, surplus, held or not ready is skipped; what is merely pending has passed.
// The testcase "coverage" always passes, so that there is something to compare
// with when all is well. Names are unique and the same from run to run.
func JUnit(w io.Writer, d Document) error {
	p := d.plan()
	suite := testsuite{Name: reconcile.Clean(orElse(d.stack(), "reconcile")), Time: fmt.Sprintf("%.3f", p.Took.Seconds()), Timestamp: instant(d)}
	seen := map[string]int{}
	for _, c := range d.testcases() {
		c.Suite, c.Name, c.File, c.Time = suite.Name, reconcile.Clean(orElse(c.Name, "no name")), reconcile.Clean(c.File), "0"
		if seen[c.Name]++; seen[c.Name] > 1 {
			c.Name = fmt.Sprintf("%s, no. %d", c.Name, seen[c.Name])
		}
		suite.add(c)
	}
	out, err := xml.MarshalIndent(testsuites{Name: "reconcile " + d.verb(), verdicts: suite.verdicts, Suite: suite}, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, out)
	return err
}

func (s *testsuite) add(c testcase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

// instant is when the document was made, as JUnit's schema has it.
func instant(d Document) string {
	if at := d.plan().At; !at.IsZero() {
		return at.UTC().Format("2006-01-02T15:04:05")
	}
	return ""
}

func (d Document) testcases() []testcase {
	if d.Err != nil {
		return []testcase{{Name: d.verb(), Error: cry("error", append([]string{d.failure() + ":"}, d.problems()...)...)}}
	}
	t := newTeller(d.plan(), Style{})
	out := []testcase{{Name: "coverage"}}
	for _, c := range t.those(func(*reconcile.Change) bool { return true }) {
		out = append(out, d.testcase(t, c))
	}
	out = append(out, d.disputed(t.plan)...)
	for i := range t.plan.Settling {
		s := &t.plan.Settling[i]
		out = append(out, testcase{Name: string(s.Key), File: d.inRepository(fileOf(s.Origins)), Skipped: cry("not ready", string(s.Phase)+": "+s.Detail)})
	}
	for i := range t.plan.Receipts {
		if r := &t.plan.Receipts[i]; failed(r) {
			out = append(out, testcase{Name: "read " + place(r.Kind, r.Scope), Error: cry("unknown", orUnknown(r.Reason))})
		}
	}
	return out
}

// testcase is one change. It fails just where Counts.Drifted counts it.
func (d Document) testcase(t *teller, c *reconcile.Change) testcase {
	out := testcase{Name: string(c.Key), File: d.inRepository(firstPos(c).File)}
	why := c.Cause()
	switch {
	case known(c):
		out.Skipped = cry("known", append([]string{knownUntil(c.Known)}, t.story(c)...)...)
	case why == surplus:
		out.Name += " (" + identityOf(c) + ")"
		out.Skipped = cry(string(why), t.story(c)...)
	case behind(c):
		out.Failure = cry(string(why), t.story(c)...)
	case len(c.Held) > 0:
		out.Skipped = cry("held", "held: "+holding(c))
	}
	return out
}

func identityOf(c *reconcile.Change) string {
	if c.Live == nil {
		return "surplus"
	}
	return c.Live.ID
}

func fileOf(at []reconcile.Pos) string {
	if len(at) == 0 {
		return ""
	}
	return at[0].File
}

// story is what happened to a resource behind Git, and what to do, in lines.
func (t *teller) story(c *reconcile.Change) []string {
	g := groupOf(c)
	out := []string{g.title + ": " + said("  ", string(c.Key), firstPos(c).Short())}
	if g.cause == missing || g.cause == surplus {
		out = append(out, c.Reason)
	} else {
		for i := range c.Fields {
			if f := &c.Fields[i]; astray(f, g.cause) {
				out = append(out, said("  ", fieldName(c, f.Path)+" "+t.both(f), f.Pos.Short()))
			}
		}
	}
	for _, who := range blameLines(t.plan, c) {
		out = append(out, "changed by: "+who)
	}
	out = append(out, "repair: "+repair(c))
	if len(c.Held) > 0 {
		out = append(out, "held: "+holding(c))
	}
	return append(out, "accept: "+g.accept(c))
}

// cry makes lines safe for XML, whatever is in them.
func cry(why string, lines ...string) *outcry {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	var text []string
	for _, line := range lines {
		if line != "" {
			text = append(text, escape.Replace(reconcile.Clean(line)))
		}
	}
	return &outcry{why, strings.Join(text, "\n")}
}
