package report_test

import (
	"fmt"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestHTMLInABrowser looks at pages as people do: narrow and wide, light and dark.
func TestHTMLInABrowser(t *testing.T) {
	t.Parallel() // it waits
	browser := newChromium(t)
	for _, drift := range []bool{true, false} {
		browser.open(fmt.Sprintf("telling-%v", drift), pageOf(t, told(telling(), drift)))
		for _, width := range []int{360, 900, 1600} {
			for _, scheme := range []string{"light", "dark"} {
				browser.look(width, scheme)
				if wide, _ := browser.eval("document.documentElement.scrollWidth").(float64); wide > float64(width) || wide < float64(width)-20 {
					t.Errorf("in %d pixels the page is %v wide: %v", width, wide, browser.eval(tooWide))
				}
				if faint := browser.eval(faint); faint != "" {
					t.Errorf("%s, %d pixels: too little contrast: %v", scheme, width, faint)
				}
			}
		}
		if found := browser.wrongs(); found != "" {
			t.Error(found)
		}
	}
	for _, address := range browser.asked {
		if !strings.HasPrefix(address, "file://") || !strings.HasSuffix(address, ".html") {
			t.Errorf("a page asked for %s", address)
		}
	}
	if len(browser.asked) < 2 {
		t.Errorf("only %q was asked for: nothing was looked at", browser.asked)
	}
}

// tooWide names the elements that stick out.
const tooWide = `Array.from(document.querySelectorAll("body *")).filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map(e => e.tagName + " " + e.textContent.slice(0, 60)).join("; ")`

// faint names texts whose contrast with what is behind them is under 4.5, as WCAG asks for.
const faint = `(() => {
	const numbers = colour => (colour.match(/[\d.]+/g) || []).map(Number);
	const light = colour => { const [r, g, b] = numbers(colour).map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
	const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (numbers(c)[3] !== 0) return c; } return "rgb(255, 255, 255)"; };
	const found = new Set(); let looked = 0;
	for (const e of document.querySelectorAll("body *")) {
		if (e.closest("option, script") || !Array.from(e.childNodes).some(n => n.nodeType === 3 && n.textContent.trim()) || !e.checkVisibility()) continue;
		looked++;
		const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
		if ((a + .05) / (b + .05) < 4.5) found.add(e.tagName + "." + e.className + " " + ((a + .05) / (b + .05)).toFixed(2));
	}
	if (looked < 100) found.add("only " + looked + " texts were looked at");
	return Array.from(found).join(", ");
})()`

// TestHTMLOnPaper holds that what is folded on the screen is printed in full, and
// light.
func TestHTMLOnPaper(t *testing.T) {
	t.Parallel() // it waits
	browser := newChromium(t)
	browser.look(794, "dark")
	browser.open("paper", pageOf(t, told(telling(), true)))
	const folded = `Array.from(document.querySelectorAll(".card:not([open]) .body")).filter(b =>
		getComputedStyle(b.parentElement, "::details-content").contentVisibility === "visible" && b.checkVisibility() && b.getBoundingClientRect().height > 20).length`
	if n := browser.eval(folded); n != 0.0 {
		t.Errorf("on the screen %v folded cards are shown", n)
	}
	browser.call("Emulation.setEmulatedMedia", map[string]any{"media": "print", "features": []map[string]any{{"name": "prefers-color-scheme", "value": "dark"}}})
	if n := browser.eval(folded); n != 5.0 {
		t.Errorf("on paper %v of 5 folded cards are shown", n)
	}
	if ground := browser.eval("getComputedStyle(document.body).backgroundColor"); ground != "rgb(255, 255, 255)" {
		t.Errorf("paper is %v", ground)
	}
	if faint := browser.eval(faint); faint != "" {
		t.Errorf("on paper: too little contrast: %v", faint)
	}
	if browser.eval(`document.getElementById("tools").checkVisibility()`) != false {
		t.Error("buttons are printed")
	}
}

// TestHTMLFilters holds what the script adds.
func TestHTMLFilters(t *testing.T) {
	t.Parallel() // it waits
	browser := newChromium(t)
	browser.look(1200, "light")
	browser.open("filters", pageOf(t, told(telling(), true)))
	shown := func(want string) {
		t.Helper()
		got := browser.eval(`Array.from(document.querySelectorAll(".card")).filter(c => c.checkVisibility()).map(c => c.querySelector("h3").textContent).join(" ")`)
		if got != want {
			t.Errorf("shown are %v\nwant %v", got, want)
		}
	}
	all := "Container/order-api Container/billing Container/mailer Container/lost Container/twice Container/canary " +
		"Container/legacy-importer/Trigger/every-five-minutes-on-working-days-but-not-in-the-holidays Container/report/Trigger/nightly Container/checkout Container/old-api"
	shown(all)
	write := func(text string) {
		browser.eval(`(f => { f.value = ` + quote(text) + `; f.dispatchEvent(new Event("input")); })(document.getElementById("filter"))`)
	}
	write("2001:db8::7  TERRAFORM")
	shown("Container/billing")
	if got := browser.eval(`document.getElementById("shown").textContent`); got != "1 of 10 shown" {
		t.Errorf("it says %v", got)
	}
	if headings := browser.eval(`Array.from(document.querySelectorAll(".group")).filter(g => g.checkVisibility()).map(g => g.id).join(" ")`); headings != "conflict" {
		t.Errorf("headings of %v are shown", headings)
	}
	write("")
	chip := func(tag string) { browser.eval(`document.querySelector(".chip[data-tag=` + tag + `]").click()`) }
	chip("held")
	shown("Container/mailer Container/old-api")
	chip("known")
	shown("Container/mailer Container/canary Container/legacy-importer/Trigger/every-five-minutes-on-working-days-but-not-in-the-holidays Container/old-api")
	chip("held")
	chip("known")
	shown(all)
	order := func(by string) {
		browser.eval(`(o => { o.value = "` + by + `"; o.dispatchEvent(new Event("change")); })(document.getElementById("order"))`)
	}
	order("key")
	shown(strings.Replace(all, "Container/report/Trigger/nightly Container/checkout Container/old-api", "Container/checkout Container/old-api Container/report/Trigger/nightly", 1))
	order("")
	shown(all)
	open := func() any { return browser.eval(`document.querySelectorAll(".card[open]").length`) }
	before := open()
	browser.eval(`document.getElementById("unfold").click()`)
	if open() != 10.0 {
		t.Errorf("%v of 10 are open", open())
	}
	browser.eval(`document.getElementById("fold").click()`)
	if open() != 0.0 || before == 0.0 {
		t.Errorf("%v of 10 are open, %v before", open(), before)
	}
	browser.eval(`document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "/", bubbles: true}))`)
	if browser.eval(`document.activeElement.id`) != "filter" {
		t.Error("the key / does not lead to the filter")
	}
	if found := browser.wrongs(); found != "" {
		t.Error(found)
	}
}

// TestHTMLWithoutScript holds that everything can be read without JavaScript, and
// that nothing is there that would need it.
func TestHTMLWithoutScript(t *testing.T) {
	t.Parallel() // it waits
	browser := newChromium(t)
	browser.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true})
	browser.open("plain", pageOf(t, told(telling(), true)))
	browser.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": false})
	if browser.eval(`document.getElementById("tools").checkVisibility()`) != false {
		t.Error("there are buttons that do nothing")
	}
	if browser.eval(`document.querySelector("#drift .card").open`) != true {
		t.Error("what drifted has to be opened first")
	}
	text, _ := browser.eval(`document.querySelectorAll("details").forEach(d => d.open = true), document.body.innerText`).(string)
	for _, want := range []string{"1 resource was changed behind Git", "j.doe, console, from 192.0.2.7", "reconcile apply", "Container/checkout", "503 Service Unavailable", "the autoscaler sets it"} {
		if !strings.Contains(text, want) {
			t.Errorf("without a script the page does not show %q", want)
		}
	}
}

// TestHTMLAttackedInABrowser holds that nothing that others wrote runs.
func TestHTMLAttackedInABrowser(t *testing.T) {
	t.Parallel() // it waits
	browser := newChromium(t)
	for i, attack := range htmlAttacks {
		d := told(poisoned(attack), i%2 == 0)
		d.Blob, d.Job, d.Location = attack, attack, attack
		browser.open(fmt.Sprintf("attack-%d", i), pageOf(t, d))
		browser.eval(`document.querySelectorAll("details").forEach(d => d.open = true); document.querySelectorAll("button").forEach(b => b.click())`)
		if browser.eval("!!window.pwned") != false {
			t.Errorf("%q ran", attack)
		}
		if found := browser.wrongs(); found != "" {
			t.Errorf("%q: %s", attack, found)
		}
	}
	for _, address := range browser.asked {
		if !strings.HasPrefix(address, "file://") {
			t.Errorf("a page asked for %s", address)
		}
	}
}

// TestHTMLBearsMuch holds that a page of 1000 changes is filtered while one waits.
func TestHTMLBearsMuch(t *testing.T) {
	t.Parallel() // it waits
	browser := newChromium(t)
	browser.look(1200, "light")
	p := base()
	for i := range 1000 {
		c := orderAPI()
		c.Key = reconcile.Key(fmt.Sprintf("Container/order-api-%04d", i))
		p.Steps = append(p.Steps, c)
	}
	browser.open("much", pageOf(t, told(p, true)))
	took, _ := browser.eval(`(() => { const start = performance.now(), f = document.getElementById("filter"); f.value = "api-0999"; f.dispatchEvent(new Event("input"));
		document.body.offsetHeight; return performance.now() - start; })()`).(float64)
	if browser.eval(`Array.from(document.querySelectorAll(".card")).filter(c => c.checkVisibility()).length`) != 1.0 {
		t.Error("the filter does not find one of 1000")
	}
	if took > 3000 {
		t.Errorf("filtering takes %.0f ms", took)
	}
	t.Logf("filtering takes %.0f ms", took)
}
