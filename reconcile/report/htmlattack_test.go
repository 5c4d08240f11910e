package report_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// htmlAttacks are what somebody may write into a name, a commit, a manifest, an
// answer of an API or a line of an audit log.
var htmlAttacks = []string{
	`<img src=x onerror="window.pwned=1">`, `<script>window.pwned=1</script>`, `"><svg onload=window.pwned=1>`, `' onmouseover='window.pwned=1`,
	`javascript:window.pwned=1`, `JaVaScRiPt:window.pwned=1//https://x`, `data:text/html,<script>window.pwned=1</script>`,
	`</pre></td></details></style></title></script><iframe srcdoc="<script>parent.pwned=1</script>">`, `https://x.example/"onclick="window.pwned=1`,
	"java\nscript:window.pwned=1", `<a href="javascript:window.pwned=1">x</a>`, `<form action=javascript:window.pwned=1><button>x`, `{{.Plan}}${window.pwned=1}`,
	`<math><mtext></form><form><mglyph><style></math><img src onerror=window.pwned=1>`, `--><!--`, `]]>`, `https://x.example/<b>?a=1&b=2#c`, `https://user:pass@x.example/`,
	"a\x1b[2J\x07b\r\n\u202egpj.exe\u2066\x00\x9b31m\u200b\ufeff\u2028\xff",
}

// ourElements are the elements that a page is made of, and attributes those that they have.
var (
	ourElements = strings.Fields(`html head meta title body main header section p h1 h2 h3 ul li dl dt dd div span b i code pre del ins a
		details summary table thead tbody tr th td svg rect label input button select option`)
	ourAttributes = strings.Fields(`lang charset http-equiv content name class aria-hidden href title viewBox preserveAspectRatio role aria-label x y width height
		id hidden for type placeholder autocomplete data-tag aria-pressed value open data-tags data-at data-money scope colspan data-name`)
)

// wrongsOf are the elements and attributes that no page of ours has.
func wrongsOf(elements []element) []string {
	var out []string
	for _, e := range elements {
		if !slices.Contains(ourElements, e.name) {
			out = append(out, "<"+e.name+">")
		}
		for name, value := range e.attrs {
			if !slices.Contains(ourAttributes, name) {
				out = append(out, "<"+e.name+" "+name+">")
			}
			if name == "href" && !strings.HasPrefix(value, "https://") && !strings.HasPrefix(value, "http://") && !regexp.MustCompile(`^#[a-z]+$`).MatchString(value) {
				out = append(out, "link "+value)
			}
		}
	}
	return out
}

// htmlRule: only elements, attributes and links of our own, one script and one
// style, and nothing that cannot be seen.
func htmlRule(text string) error {
	elements, _, err := takeApart(text)
	if err != nil {
		return err
	}
	if found := wrongsOf(elements); len(found) > 0 {
		return fmt.Errorf("it has %q", found)
	}
	if strings.Count(text, "<script") != 1 || strings.Count(text, "<style") != 1 {
		return errors.New("it has another script or style")
	}
	return printable(text)
}

func TestHTMLIsEscaped(t *testing.T) {
	for _, attack := range htmlAttacks {
		for _, drift := range []bool{false, true} {
			everywhere := poisonedDocument(attack, drift)
			everywhere.Blob, everywhere.Job, everywhere.Err = attack, attack, errors.New(attack)
			for name, d := range map[string]report.Document{
				"plan": told(poisoned(attack), drift), "document": everywhere,
				"failure": {Err: errors.New(attack), Drift: drift, Stack: attack, Location: attack, Job: attack, At: now},
			} {
				if err := htmlRule(pageOf(t, d)); err != nil {
					t.Errorf("%s with %q: %v", name, attack, err)
				}
			}
		}
	}
}

// TestHTMLLinks holds where links lead: to the lines of manifests, to the job, and
// to where the manifests came from, each only at an address that a browser may open.
func TestHTMLLinks(t *testing.T) {
	links := func(d report.Document) []string {
		elements, _ := readPage(t, pageOf(t, d))
		var out []string
		for _, e := range elements {
			if href := e.attrs["href"]; href != "" && !strings.HasPrefix(href, "#") && !slices.Contains(out, href) {
				out = append(out, href)
			}
		}
		slices.Sort(out)
		return out
	}
	top := "https://gitlab.example/shop/infra"
	want := []string{
		top + "/-/blob/" + thisRev + "/stacks/prod/containers/order-api.yaml#L1", top + "/-/blob/" + thisRev + "/stacks/prod/containers/order-api.yaml#L14",
		top + "/-/blob/" + thisRev + "/stacks/prod/containers/order-api.yaml#L18", top + "/-/blob/" + thisRev + "/stacks/prod/containers/report.yaml#L22",
		top + "/-/blob/" + thisRev + "/stacks/prod/containers/report.yaml#L23", top + "/-/blob/" + thisRev + "/stacks/prod/containers/report.yaml#L24",
		top + "/-/blob/" + thisRev + "/stacks/prod/stack.yaml#L12", top + "/-/jobs/4711", top + ".git",
	}
	slices.Sort(want)
	if got := links(told(shop(), false)); !slices.Equal(got, want) {
		t.Errorf("links are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	outside := shop()
	outside.Steps[0].Origins, outside.Steps[0].Fields = origin("../../elsewhere/a b#c?.yaml", 3), nil
	outside.Steps = outside.Steps[:1]
	outside.Held = nil
	if got := links(told(outside, false)); !slices.Contains(got, top+"/-/blob/"+thisRev+"/elsewhere/a%20b%23c%3F.yaml#L3") {
		t.Errorf("links are %q", got)
	}
	outside.Steps[0].Origins = origin("../../../etc/passwd", 3)
	bare := report.Document{Plan: outside, Blob: "javascript:alert(1)//", Job: "https://u:secret@x.example/", Location: "git@gitlab.example:shop/infra.git"}
	if got := links(bare); len(got) > 0 {
		t.Errorf("links are %q", got)
	}
}

// TestHTMLStandsAlone holds that a page needs no network and runs only what is ours.
func TestHTMLStandsAlone(t *testing.T) {
	out := pageOf(t, told(telling(), true))
	elements, _ := readPage(t, out)
	policy := ""
	for _, e := range elements {
		if e.name == "meta" && e.attrs["http-equiv"] == "Content-Security-Policy" {
			policy = e.attrs["content"]
		}
		for _, name := range []string{"src", "srcset", "style", "action", "background", "poster", "data"} {
			if value, ok := e.attrs[name]; ok {
				t.Errorf("<%s> has %s=%q", e.name, name, value)
			}
		}
		if e.name == "link" || e.attrs["http-equiv"] == "refresh" {
			t.Errorf("there is a <%s>", e.name)
		}
	}
	want := "default-src 'none'; style-src " + sourceOf(t, out, "style") + "; script-src " + sourceOf(t, out, "script") + "; base-uri 'none'; form-action 'none'"
	if policy != want {
		t.Errorf("the policy is\n%s\nwant\n%s", policy, want)
	}
	if strings.Index(out, "Content-Security-Policy") > strings.Index(out, "<style") {
		t.Error("the policy comes too late")
	}
	for _, name := range []string{"style", "script"} {
		if found := regexp.MustCompile(`url\(|@import|https?:|//[a-z]|fetch|XMLHttpRequest|innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\(`).FindString(inlineOf(t, out, name)); found != "" {
			t.Errorf("the %s has %q", name, found)
		}
	}
}

func inlineOf(t *testing.T, out, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(out, "<"+name+">")
	body, _, closed := strings.Cut(rest, "</"+name+">")
	if !ok || !closed || body == "" {
		t.Fatalf("there is no %s", name)
	}
	return body
}

func sourceOf(t *testing.T, out, name string) string {
	sum := sha256.Sum256([]byte(inlineOf(t, out, name)))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// TestHTMLKeepsSecrets holds that no value that is secret by its field, by its type
// or by where it came from is in a page.
func TestHTMLKeepsSecrets(t *testing.T) {
	const canary = "c4n4ry"
	p := shop()
	c := &p.Steps[0]
	c.Masked = map[string]bool{"image": true}
	c.Live.Spec = &containerSpec{Image: canary}
	c.Fields = append(c.Fields,
		reconcile.FieldChange{Path: "env.secrets.A", From: canary, To: canary + "2", Secret: true},
		reconcile.FieldChange{Path: "env.secrets.B", From: canary + "\n" + canary, To: canary, Base: canary, Secret: true, Label: reconcile.Conflicting},
		reconcile.FieldChange{Path: "env.secrets.C", From: reconcile.NewSecret(canary), To: nil},
		reconcile.FieldChange{Path: "env.secrets.D", To: []reconcile.Secret{reconcile.NewSecret(canary)}},
		reconcile.FieldChange{Path: "env.secrets.E", From: map[string]string{"a": canary}, To: nil, Secret: true})
	p.Ignored = []reconcile.Ignored{{Key: c.Key, Path: "env.secrets.F", Git: reconcile.NewSecret(canary), Live: reconcile.NewSecret(canary), Rule: reconcile.Ignore{Reason: "r"}}}
	for _, plan := range []*reconcile.Plan{p, every(), drifting(), telling()} {
		for _, drift := range []bool{false, true} {
			out := pageOf(t, told(plan, drift))
			if strings.Contains(out, canary) || strings.Contains(out, "never shown") {
				t.Error("a secret is in the page")
			}
		}
	}
}
