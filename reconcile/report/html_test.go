package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// telling is a stack with everything that a page has to say.
func telling() *reconcile.Plan {
	p := gate()
	p.Managed, p.Places = 42, []string{"fr-par", "nl-ams", "pl-waw"}
	file := "base/legacy-importer.yaml"
	long := known("Container/legacy-importer/Trigger/every-five-minutes-on-working-days-but-not-in-the-holidays", file)
	long.Origins = []reconcile.Pos{line("overlays/production/containers/legacy-importer.yaml", 31), line(file, 12)}
	long.Fields = append(long.Fields, reconcile.FieldChange{Path: "body", From: strings.Repeat("eyJhbGciOiJub25lIn0", 40), To: strings.Repeat("eyJhbGciOiJub25lIn1", 40),
		Label: reconcile.Drifted, Pos: line(file, 15)})
	p.Steps = append(p.Steps, long, created())
	p.Receipts = append(p.Receipts, unread().Receipts[3:]...)
	p.Notices = []string{"manifests/old.yaml has no apiVersion and was left out"}
	return p
}

// told is a document as a job in GitLab makes it.
func told(p *reconcile.Plan, drift bool) report.Document {
	return report.Document{Plan: p, Drift: drift, Program: "v0.4.0", Location: "https://gitlab.example/shop/infra.git", Folder: "stacks/prod",
		Blob: "https://gitlab.example/shop/infra/-/blob/" + thisRev, Job: "https://gitlab.example/shop/infra/-/jobs/4711"}
}

func pageOf(t *testing.T, d report.Document) string {
	t.Helper()
	var out bytes.Buffer
	if err := report.HTML(&out, d); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// An element is one of a page, with its attributes.
type element struct {
	name  string
	attrs map[string]string
}

// readPage takes a page apart.
func readPage(t *testing.T, page string) (elements []element, text string) {
	t.Helper()
	elements, text, err := takeApart(page)
	if err != nil {
		t.Fatal(err)
	}
	return elements, text
}

// takeApart reads a page as XML, which it has to be: then a parser of HTML sees
// the same.
func takeApart(page string) (elements []element, text string, err error) {
	for _, name := range []string{"style", "script"} {
		before, rest, _ := strings.Cut(page, "<"+name+">")
		_, after, _ := strings.Cut(rest, "</"+name+">")
		page = before + after
	}
	var words strings.Builder
	d := xml.NewDecoder(strings.NewReader(page))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return elements, strings.Join(strings.Fields(words.String()), " "), nil
		}
		if err != nil {
			return nil, "", fmt.Errorf("it is not well-formed: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{token.Name.Local, map[string]string{}}
			for _, a := range token.Attr {
				if _, twice := e.attrs[a.Name.Local]; twice {
					return nil, "", fmt.Errorf("<%s> has %s twice", e.name, a.Name.Local)
				}
				e.attrs[a.Name.Local] = a.Value
			}
			elements = append(elements, e)
			if !slices.Contains([]string{"code", "a", "b", "span"}, e.name) {
				words.WriteByte(' ')
			}
		case xml.CharData:
			words.Write(token)
		}
	}
}

var pagePlans = map[string]func() *reconcile.Plan{
	"shop": shop, "every": every, "nothing": base, "unread": unread, "settling": settling, "drifting": drifting, "hostile": hostile, "broad": broad, "gate": gate, "telling": telling,
}

// TestHTMLTells holds that a page has what the plan has, in both verbs.
func TestHTMLTells(t *testing.T) {
	for name, plan := range pagePlans {
		for _, drift := range []bool{false, true} {
			p := plan()
			t.Run(fmt.Sprintf("%s, drift %v", name, drift), func(t *testing.T) {
				_, text := readPage(t, pageOf(t, told(p, drift)))
				for _, fact := range pageFacts(p, drift) {
					if fact = strings.Join(strings.Fields(reconcile.Clean(fact)), " "); !strings.Contains(text, fact) {
						t.Errorf("the page lacks %q", fact)
					}
				}
				if t.Failed() {
					t.Log(text)
				}
			})
		}
	}
}

// pageFacts are things that no page about a plan may lack.
func pageFacts(p *reconcile.Plan, drift bool) []string {
	facts := append([]string{p.Stack, p.Revision.Short(), p.Revision.Subject, p.Hash, "2026-11-21 14:03 UTC"}, p.Notices...)
	for _, changes := range [][]reconcile.Change{p.Steps, p.Held} {
		for _, c := range changes {
			if drift && report.CauseOf(&c) == "" {
				continue // taken over or let go, which is no drift
			}
			facts = append(facts, string(c.Key))
			for _, h := range c.Held {
				facts = append(facts, h.Reason, h.Guard, h.Pos.Short())
			}
			for _, a := range c.By {
				facts = append(facts, a.Who, a.Program, a.Address, a.Call, a.At.UTC().Format(time.DateTime))
			}
			if c.Known != nil {
				facts = append(facts, c.Known.Reason, c.Known.Until, c.Known.Pos.Short())
			}
		}
	}
	for _, s := range p.Settling {
		facts = append(facts, string(s.Key), s.Detail)
	}
	for _, r := range p.Unmanaged {
		facts = append(facts, r.ID, r.Name, p.KnownLive[r.ID].Reason, p.KnownLive[r.ID].Until)
	}
	for _, r := range p.Receipts {
		facts = append(facts, r.Kind, r.Scope.Place, r.Reason)
	}
	for _, g := range p.Ignored {
		facts = append(facts, string(g.Key), g.Path, g.Rule.Reason, g.Rule.Pos.Short())
	}
	for _, k := range p.Expired {
		facts = append(facts, k.Reason, k.Pos.Short())
	}
	return facts
}

// TestHTMLCounts holds that the bar's numbers are those of all formats.
func TestHTMLCounts(t *testing.T) {
	for name, plan := range pagePlans {
		p := plan()
		elements, _ := readPage(t, pageOf(t, told(p, true)))
		got := ""
		for _, e := range elements {
			if e.name == "svg" {
				got = e.attrs["aria-label"]
			}
		}
		c := report.Has(p)
		for word, n := range map[string]int{
			"changed behind Git": c.Drift, "changed on both sides": c.Conflict, "different": c.Unclear, "missing": c.Missing, "surplus": c.Surplus,
			"known": c.Known, "pending": c.Pending, "under way": c.Settling, "failed": c.Failed, "unmanaged": c.Unmanaged,
		} {
			part := fmt.Sprintf("%d %s", n, word)
			if parts := strings.Split(got, ", "); slices.Contains(parts, part) != (n > 0) {
				t.Errorf("%s: %q and %q", name, got, part)
			}
		}
	}
}

// TestHTMLAnswers holds that whoever has only the page can say what drifted, who
// did it and what to do.
func TestHTMLAnswers(t *testing.T) {
	_, text := readPage(t, pageOf(t, told(telling(), true)))
	for _, want := range []string{
		"1 resource was changed behind Git; 1 was changed on both sides; 1 differs, and which side moved cannot be told; 1 is missing; 1 is surplus. 3 more are only pending. Not everything could be read",
		"LOG_LEVEL info debug drift since 9ab01c2 line 18",
		"Who j.doe, console, from 192.0.2.7, 2 h ago (2026-11-21 12:03:00 UTC), UpdateContainer",
		"application terraform, terraform, from 2001:db8::7, 2 days ago",
		"Repair reconcile apply sets it back (restarts the container, costs +3.10 EUR a month)",
		"Accept reconcile drift --write writes what is live at containers/order-api.yaml:18",
		"Who unknown: ", "Scaleway keeps no audit trail in pl-waw",
		"Known until 2026-12-31: load test of the canary (accepted by r.leone) baseline.yaml:5",
		"Git: listen 8081; live: listen 8080;", "TOKEN (secret, changed)",
		"Costs: 41.00 to 60.00 EUR a month; as Git says 44.00 to 63.00 EUR a month. Not known: the catalogue has no price",
		"Coverage: 95%, 42 managed and 2 unmanaged", "known until 2026-11-30: J. Doe tries it out baseline.yaml:9",
		"Baseline baseline.yaml:3: ended with 2026-10-31: load test",
		"Container/order-api maxScale 5 9 the autoscaler sets it stack.yaml:21",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestHTMLSaysOnTopWhetherItIsTrue holds the first sentences.
func TestHTMLSaysOnTopWhetherItIsTrue(t *testing.T) {
	late := shop()
	late.Steps = late.Steps[1:]
	stuck := base()
	stuck.Held = shop().Held
	for _, c := range []struct {
		plan        *reconcile.Plan
		plans, says string // as a plan, and as drift
	}{
		{base(), "No changes. shop-prod matches 4f2a91c.", "No drift. shop-prod is as 4f2a91c says."},
		{shop(), "reconcile apply would make 2 changes; 1 is held. 1 resource was changed behind Git.", "1 resource was changed behind Git. 2 more are only pending."},
		{late, "reconcile apply would make 1 change; 1 is held.", "No drift. Pending: 2 (reconcile plan shows them)."},
		{stuck, "Nothing may run by itself; 1 is held.", "No drift. Pending: 1 (reconcile plan shows it)."},
		{unread(), "No changes in what could be read; whether shop-prod matches 4f2a91c is not known.", "No drift in what could be read; the answer is incomplete."},
		{settling(), "No changes. shop-prod matches 4f2a91c once 1 resource is ready.", "No drift. shop-prod is as 4f2a91c says."},
		{onlyKnown(), "reconcile apply would make 1 change.", "No new drift. Known, and not counted: 1."},
	} {
		for _, drift := range []bool{false, true} {
			want := c.plans
			if drift {
				want = c.says
			}
			out := pageOf(t, told(c.plan, drift))
			if _, text := readPage(t, out); !strings.HasPrefix(text, "shop-prod: ") || !strings.Contains(text, " shop-prod "+want) {
				t.Errorf("drift %v: the page begins %.300s\nwant %s", drift, text, want)
			}
		}
	}
}

// TestHTMLWithoutAPlan holds that a failure is said in full, line by line.
func TestHTMLWithoutAPlan(t *testing.T) {
	failure := errors.New("containers/api.yaml:17:3: unknown field \"memoryLimtMb\"\n   17 |   memoryLimtMb: 512\n1 error in 1 of 14 files")
	for _, drift := range []bool{false, true} {
		d := report.Document{Err: failure, Drift: drift, Stack: "shop-prod", At: now, Location: "./shop", Program: "v1"}
		out := pageOf(t, d)
		if _, text := readPage(t, out); !strings.Contains(text, "shop-prod") || !strings.Contains(text, "Nothing was changed.") || !strings.Contains(text, "./shop") {
			t.Errorf("the page says %s", text)
		}
		if !strings.Contains(out, "\n   17 |   memoryLimtMb: 512\n") {
			t.Error("the lines of the error run together")
		}
		d.Plan = shop()
		if _, text := readPage(t, pageOf(t, d)); !strings.Contains(text, "17 | memoryLimtMb: 512") || !strings.Contains(text, "Container/order-api") {
			t.Errorf("with a plan the page says %s", text)
		}
	}
}

// TestHTMLIsSmall holds what a browser has to bear.
func TestHTMLIsSmall(t *testing.T) {
	if n := len(pageOf(t, told(shop(), true))); n > 60_000 {
		t.Errorf("a small stack's page has %d bytes", n)
	}
	p := base()
	p.Managed = 1200
	for i := range 1000 {
		c := orderAPI()
		c.Key = reconcile.Key(fmt.Sprintf("Container/order-api-%04d", i))
		c.By = telling().Steps[0].By
		p.Steps = append(p.Steps, c)
	}
	for _, drift := range []bool{false, true} {
		out := pageOf(t, told(p, drift))
		if len(out) > 3_000_000 {
			t.Errorf("a page of 1000 changes has %d bytes", len(out))
		}
		if n := strings.Count(out, `class="card"`); n != 1000 {
			t.Errorf("%d cards", n)
		}
	}
}

// TestHTMLIsTheSame holds that a page depends on its document only.
func TestHTMLIsTheSame(t *testing.T) {
	one := pageOf(t, told(telling(), true))
	for range 5 {
		if pageOf(t, told(telling(), true)) != one {
			t.Fatal("two pages of one document differ")
		}
	}
}
