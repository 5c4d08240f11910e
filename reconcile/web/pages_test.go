package web

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func TestPagesAreServed(t *testing.T) {
	r := newRig(t)
	for path, media := range map[string]string{"/": "text/html", "/assets/app.js": "text/javascript", "/assets/style.css": "text/css", "/assets/icon.svg": "image/svg+xml"} {
		w := r.want(200, ask{path: path})
		if !strings.HasPrefix(w.Header().Get("Content-Type"), media) || w.Body.Len() == 0 {
			t.Errorf("%s is %q of %d bytes", path, w.Header().Get("Content-Type"), w.Body.Len())
		}
		if again := r.want(304, ask{path: path, header: map[string]string{"If-None-Match": w.Header().Get("ETag")}}); again.Body.Len() > 0 {
			t.Errorf("%s is sent again", path)
		}
	}
	r.refused(404, "not_found", ask{path: "/assets/..%2fpages.go"})
	for path, want := range map[string]string{"/stacks/shop-prod": "/#/stacks/shop-prod", "/runs/1?next=//evil.example": "/#/runs/1", "/stacks/%2F%2Fevil": "/#/stacks/%2F%2Fevil"} {
		if got := r.want(303, ask{path: path, header: map[string]string{"Sec-Fetch-Site": "cross-site"}}).Header().Get("Location"); got != want {
			t.Errorf("%s leads to %s", path, got)
		}
	}
}

// TestS14Static holds what keeps scripts out, where no browser is at hand: no
// string becomes HTML or code, nothing comes from elsewhere, and nothing is inline.
func TestS14Static(t *testing.T) {
	pages, err := readPages()
	if err != nil {
		t.Fatal(err)
	}
	banned := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|srcdoc|createContextualFragment|setHTML|import\(|localStorage|document\.cookie|\.setAttribute\("(style|on)`)
	elsewhere := regexp.MustCompile(`(?:src|href|url|import|from|fetch)\s*[=(]?\s*["'(]+\s*(?:https?:)?//`)
	for name, p := range pages {
		body := string(p.body)
		if found := banned.FindString(body); found != "" {
			t.Errorf("%s uses %s", name, found)
		}
		if found := elsewhere.FindString(body); found != "" {
			t.Errorf("%s takes something from elsewhere: %s", name, found)
		}
		if strings.HasSuffix(name, ".html") && regexp.MustCompile(`<script(?:\s[^>]*)?>[^<]|<style|\son\w+=|\sstyle=|javascript:`).MatchString(body) {
			t.Errorf("%s has something inline, which the policy refuses", name)
		}
	}
	if dom := string(pages["dom.js"].body); strings.Count(dom, `setAttribute("href"`) != 2 || !strings.Contains(dom, `"https:"`) {
		t.Error("dom.js: links are set elsewhere than where they are checked")
	}
	for name, p := range pages {
		if name != "dom.js" && strings.Contains(string(p.body), "createElement") {
			t.Errorf("%s makes elements; that is dom.js's", name)
		}
	}
}

// payloads are what somebody may write into a name, a commit, a manifest or an
// answer of an API.
var payloads = []string{
	`<img src=x onerror="window.pwned=1">`, `<script>window.pwned=1</script>`, `"><svg onload=window.pwned=1>`, `' onmouseover='window.pwned=1`,
	`javascript:window.pwned=1`, `JaVaScRiPt:window.pwned=1//https://x`, `data:text/html,<script>window.pwned=1</script>`, `</pre></td><iframe srcdoc="<script>parent.pwned=1</script>">`,
	`https://x.example/"onclick="window.pwned=1`, "java\nscript:window.pwned=1", `<a href="javascript:window.pwned=1">x</a>`, `<form action=javascript:window.pwned=1><button>x`,
	`${window.pwned=1}`, `<math><mtext></form><form><mglyph><style></math><img src onerror=window.pwned=1>`,
}

// poison writes a payload into every text of a value.
func poison(v reflect.Value, payload string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(payload)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			poison(v.Field(i), payload)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		poison(v.Index(0), payload)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		poison(v.Elem(), payload)
	case reflect.Map:
		if v.Type().Elem().Kind() == reflect.Struct && v.Type().Elem() != reflect.TypeFor[time.Time]() {
			value := reflect.New(v.Type().Elem()).Elem()
			poison(value, payload)
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.ValueOf(payload).Convert(v.Type().Key()), value)
		}
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	}
}

func poisoned[T any](payload string, keep func(*T)) T {
	var out T
	poison(reflect.ValueOf(&out).Elem(), payload)
	keep(&out)
	return out
}

// poisonStore fills a store with a payload wherever there is text; only what the
// addresses are made of keeps its form.
func (r *rig) poisonStore(payload string) {
	ctx, now := r.t.Context(), r.clock.Now()
	r.store.mu.Lock()
	r.store.standings, r.store.runs, r.store.records = map[string]reconcile.Standing{}, map[string]reconcile.Run{}, map[string][]reconcile.Record{}
	r.store.mu.Unlock()
	r.store.SaveStanding(ctx, poisoned(payload, func(s *reconcile.Standing) {
		s.Name, s.Stack, s.Condition, s.Plan = shop, shopOwner, reconcile.Awaiting, planHash
	}))
	r.store.SaveRun(ctx, poisoned(payload, func(run *reconcile.Run) { run.JID, run.Stack, run.Name, run.Started = shopJID, shopOwner, shop, now }))
	for _, event := range []reconcile.Event{reconcile.Intent, reconcile.Result, reconcile.Event(payload)} {
		r.store.Journal(shopOwner).Append(ctx, poisoned(payload, func(rec *reconcile.Record) {
			rec.Event, rec.JID, rec.Stamp, rec.Prev, rec.Key = event, shopJID, now, "", reconcile.Key("Container/"+payload)
		}))
	}
	r.store.Order(ctx, poisoned(payload, func(o *reconcile.Order) { o.Stack, o.Ended, o.Until = shopOwner, time.Time{}, time.Time{} }))
	text, _ := json.Marshal(payload)
	r.store.SaveArtefact(ctx, "stack/"+shop, "plan.txt", []byte(payload))
	r.store.SaveArtefact(ctx, "stack/"+shop, "drift.json", fmt.Appendf(nil, `{"changed":[{"id":%[1]s,"type":%[1]s,"name":%[1]s,"cause":%[1]s,"source":{"source":%[1]s,"internal_name":%[1]s},
		"fields":[{"path":%[1]s,"git":%[1]s,"live":[%[1]s]}]}],"missing":[{"id":%[1]s,"type":%[1]s}],"coverage":%[1]s,"alerts":{%[1]s:[{"message":%[1]s}]}}`, text))
	r.store.SaveArtefact(ctx, shopJID, "plan.txt", []byte(payload))
	for i := range r.store.tokens {
		if r.store.tokens[i].ID == "id-approve" {
			r.store.tokens[i].Name = payload
		}
	}
}

// hostile finds what a payload made on a page: a script that ran, elements that
// we never make, attributes that run something, links to anywhere but the web.
const hostile = `(() => { const found = [...wrongs];
	if (window.pwned) found.push("a script ran");
	for (const e of document.querySelectorAll("body *")) {
		if (["IMG","SVG","SCRIPT","IFRAME","MATH","OBJECT","STYLE","MGLYPH"].includes(e.tagName.toUpperCase())) found.push("element " + e.tagName);
		for (const a of e.attributes) if (/^on|^srcdoc$|^action$|^formaction$/i.test(a.name)) found.push("attribute " + a.name);
		const href = e.getAttribute("href");
		if (href !== null && !/^(https?:\/\/|#\/)/.test(href)) found.push("link " + href);
	}
	return found.join("\n"); })()`

func TestS14Pages(t *testing.T) {
	t.Parallel() // it waits
	browser := newChromium(t)
	r := newRig(t)
	addr, _ := r.serve()
	pages := 0
	for i, payload := range payloads {
		r.poisonStore(payload)
		browser.open(fmt.Sprintf("http://%s/?%d#token=%s/", addr, i, r.tokens["approve"]))
		for page, ready := range map[string]string{
			"#/": "document.querySelector('table')", "#/stacks/" + shop: "document.querySelector('.tabs')", "#/stacks/" + shop + "/plan": "document.querySelector('pre')",
			"#/stacks/" + shop + "/drift": "document.querySelector('.drift')", "#/stacks/" + shop + "/runs": "document.querySelector('table')",
			"#/runs/" + shopJID: "document.querySelector('.open')", "#/runs/" + shopJID + "/files/plan.txt": "document.querySelector('#file pre')",
			"#/audit": "document.querySelector('h1 .mark')", "#/nowhere/" + strings.ReplaceAll(strings.ReplaceAll(payload, "\n", ""), "%", ""): "document.querySelector('h1')",
		} {
			browser.to(page, ready)
			browser.eval("document.querySelectorAll('.sort').forEach(b => b.click()); document.querySelectorAll('.open').forEach(b => b.click())")
			if found := browser.eval(hostile); found != "" {
				t.Errorf("%s with %q: %v", page, payload, found)
			}
			pages++
		}
	}
	t.Logf("%d pages with %d payloads", pages, len(payloads))
}

func TestPagesTell(t *testing.T) {
	t.Parallel() // it waits
	browser := newChromium(t)
	events := make(chan Event)
	r := newRig(t, func(o *Options) { o.Subscribe = func() (<-chan Event, func()) { return events, func() {} } })
	addr, _ := r.serve()
	browser.width(1280)

	browser.open("http://" + addr + "/")
	browser.until(says("Sign in"))
	signIn := func(token string) {
		browser.eval(`document.querySelector("input[type=password]").value = "` + token + `"; document.querySelector(".sign-in button").click()`)
	}
	signIn(r.tokens["expired"])
	browser.until(says("this token does not count"))
	signIn(r.tokens["approve"])
	browser.until(says("0 of 2 stacks match Git"))
	browser.until(`document.getElementById("live").textContent === "live"`)

	changed := r.store.standings[shop]
	changed.Condition, changed.Sentence = reconcile.InSync, "All is as Git says."
	events <- Event{Standing: &changed}
	browser.until(says("1 of 2 stacks match Git") + "&&" + says("All is as Git says."))

	browser.eval(`location.hash = "#/stacks/net"`)
	browser.until(says("prune is off") + "&&" + says("Approve the plan"))
	events <- Event{Progress: &Progress{Stack: net1, Key: "Container/api", Action: reconcile.Update, State: "started", Detail: "asked for"}}
	browser.until(says("Container/api started: asked for"))
	press := func(text string) {
		browser.eval(`[...document.querySelectorAll("dialog button, main button")].find(b => b.textContent === "` + text + `").click()`)
	}
	press("Approve the plan")
	browser.until(`document.querySelector("dialog[open]")`)
	press("Approve")
	browser.until(says("Told; the stack is looked at now."))
	orders := r.store.orders
	if last := orders[len(orders)-1]; last.Verb != reconcile.Approve || last.Value != planHash || last.By.User != "approve" || len(last.Changes) != 1 {
		t.Errorf("ordered %+v", last)
	}
	press("Look now")
	browser.until(`document.querySelectorAll(".note").length > 0`)
	if nudges := r.store.nudged(); !slices.Contains(nudges, "net manual") {
		t.Errorf("nudged %v", nudges)
	}

	browser.eval(`location.hash = "#/runs/` + netJID + `"`)
	browser.until(says("net : ok=0") + `&& document.querySelector(".open")`)
	browser.eval(`document.querySelector(".open").click()`)
	browser.until(says("memoryLimitMb") + "&&" + says("req-1") + "&&" + says("sha256:"))
	browser.eval(`location.hash = "#/audit"`)
	browser.until(says("4 records are as they were written"))
	r.store.mu.Lock()
	r.store.records[netOwner][1].Actor.User = "somebody else"
	r.store.mu.Unlock()
	press("Search")
	browser.until(says("Record 2 of " + netOwner + " is not as it was written"))
	if left := browser.eval(`location.href.includes("rct_") || document.cookie !== "" || localStorage.length > 0`); left != false {
		t.Error("the token stands where it must not")
	}
	press("Search")
	browser.eval(`[...document.querySelectorAll("header button")].find(b => b.textContent === "Sign out").click()`)
	browser.until(says("Sign in") + "&& sessionStorage.length === 0")
	if wrong := browser.wrongs(); wrong != "" {
		t.Errorf("on the way: %s", wrong)
	}
}

// TestPagesFit: nothing is cut off on a small screen, each page has one heading
// that says what it is, and all that can be pressed can be reached by keyboard.
func TestPagesFit(t *testing.T) {
	t.Parallel() // it waits
	browser := newChromium(t)
	r := newRig(t)
	long := r.store.standings[shop]
	long.Sentence = strings.Repeat("Averylongwordthatnobodycanbreak", 8)
	long.Items[0].Fields = []string{strings.Repeat("x", 300)}
	r.store.SaveStanding(t.Context(), long)
	r.store.SaveArtefact(t.Context(), "stack/"+shop, "plan.txt", []byte(strings.Repeat("wide ", 60)))
	addr, _ := r.serve()
	for _, width := range []int{380, 1280} {
		browser.width(width)
		browser.open(fmt.Sprintf("http://%s/?%d#token=%s/", addr, width, r.tokens["approve"]))
		for page, ready := range map[string]string{"#/": "document.querySelector('table')", "#/stacks/" + shop: "document.querySelector('table')",
			"#/stacks/" + shop + "/plan": "document.querySelector('pre')", "#/runs/" + shopJID: "document.querySelector('.open')", "#/audit": "document.querySelector('h1 .mark')"} {
			browser.to(page, ready)
			browser.eval("document.querySelectorAll('.open').forEach(b => b.click())")
			if over := browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth"); over != 0.0 {
				t.Errorf("%s at %d pixels is %v pixels too wide", page, width, over)
			}
			if heads := browser.eval("document.querySelectorAll('h1').length"); heads != 1.0 {
				t.Errorf("%s has %v headings", page, heads)
			}
			if odd := browser.eval("[...document.querySelectorAll('main *')].filter(e => getComputedStyle(e).cursor === 'pointer' && !e.closest('a, button, input, summary, label')).length"); odd != 0.0 {
				t.Errorf("%s: %v things can be pressed, and not be reached by keyboard", page, odd)
			}
		}
		if wrong := browser.wrongs(); wrong != "" {
			t.Errorf("at %d pixels: %s", width, wrong)
		}
	}
}
