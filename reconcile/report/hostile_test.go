package report_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// hostileTexts are what people, programs and attackers write into names, values,
// subjects and reasons.
var hostileTexts = []string{
	"", " ", "\n", "plain words", "@all", "@j.doe please approve", "see #1 and !2 and &3 and %4 and $5 and ~bug", "SHOP-123", "gl-1 GL-2",
	"/close", "\n/close\n", "x\n/approve\n/merge", "  /assign @me", "| a | b |", `\|`, `\\|`, "a|b", "`", "``", "``` ", "`a`", " `", "a`b``c```d",
	"```\n/close\n```", "~~~\n/close\n~~~", "````diff\n+ x\n````", "\r\n", "a\rb", "\x00\x01\x08\x0b\x1f\x7f", "\x1b[2J\x1b]8;;http://evil\x07", "\u009b31m",
	"\u202egpj.exe\u2066", "\ufeffbom", "\u200b", "\xff\xfe broken", "\U000e0001", "\ufffe", "]]>", "<![CDATA[", "<script>alert(1)</script>", "<!-- x -->",
	"</details></summary>", "&lt;b&gt; &amp; &#64;all &commat;all", "[a](javascript:alert(1))", "![a](https://evil.example/x.png)", "https://evil.example",
	"www.evil.example", "a@b.example", "**bold** _it_ ~~no~~", "# heading", "- item", "1. item", "> quote", "---", "===", "| - |", "[[_TOC_]]", "::include{file=/etc/passwd}",
	"$`\\alpha`$", "```math\nx\n```", ":smile:", "[^1]", "%{project_name}", "{+ in +}", "[- out -]", "\\", "\\`", "key=value\nOTHER=1", `"quoted" 'single'`,
	"[[ATTACHMENT|/etc/passwd]]", "Plan: 0 to add, 0 to change, 0 to destroy.", "在庫 é́́́", strings.Repeat("\u0301", 1500), strings.Repeat("`", 800),
	strings.Repeat("|", 800), strings.Repeat("x", 1500), strings.Repeat("a b ", 500), "${values.tag}", "\t", "a\tb", "(none)", "-> x", "c://", "50% off, 100%", "%1",
}

// poisoned is a plan in which every text of others is the same one.
func poisoned(text string) *reconcile.Plan {
	p := gate()
	p.Adopted = every().Adopted
	p.Receipts = append(p.Receipts, unread().Receipts[3:]...)
	p.Notices = []string{"x"}
	poison(reflect.ValueOf(p).Elem(), text)
	return p
}

var plainText, keyText = reflect.TypeFor[string](), reflect.TypeFor[reconcile.Key]()

// poison sets all texts below a value, but for words of our own.
func poison(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() && (v.Type() == plainText || v.Type() == keyText) {
			v.SetString(text)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), text)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[reconcile.Kind]() {
			return // it is code, and all plans here share one
		}
		if v.Type() == reflect.TypeFor[reconcile.Receipt]() && besides(v.Interface().(reconcile.Receipt)) {
			v.FieldByName("Reason").SetString(text)
			return
		}
		for i := range v.NumField() {
			poison(v.Field(i), text)
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i), text)
		}
	case reflect.Interface:
		if v.CanSet() && !v.IsNil() && v.Elem().Kind() == reflect.String {
			v.Set(reflect.ValueOf(text))
		}
	}
}

// besides tells receipts whose kind means something.
func besides(r reconcile.Receipt) bool {
	return r.Kind == reconcile.AuditTrail || r.Kind == reconcile.ProductPrices
}

// poisonedDocument also has the text wherever a document takes one.
func poisonedDocument(text string, drift bool) report.Document {
	d := document(poisoned(text), drift)
	d.Location, d.Stack, d.Program, d.Folder = text, text, text, text
	return d
}

// checkPoisoned renders a text in each format, and holds what comes out against
// the rules of who reads it.
func checkPoisoned(t *testing.T, text string) {
	t.Helper()
	docs := map[string]report.Document{
		"plan": poisonedDocument(text, false), "drift": poisonedDocument(text, true), "failed": poisonedDocument(text, true),
	}
	lost := docs["failed"]
	lost.Plan, lost.Err = nil, errors.New("x: "+text)
	docs["failed"] = lost
	for name, d := range docs {
		for format, rule := range rules {
			if err := rule(written(t, format, d)); err != nil {
				t.Errorf("%s of %q as %s: %v", name, text, format, err)
			}
		}
	}
	in := report.NoteInput{Head: poisoned(text), Base: base(), Branch: text, Stack: text, Program: text, Folder: text,
		Blob: "https://gitlab.com/acme/infra/-/blob/x", Job: "https://gitlab.com/acme/infra/-/jobs/1", Report: "https://gitlab.com/acme/infra/-/jobs/1/r.html"}
	for _, from := range []*reconcile.Plan{nil, base(), poisoned(text)} {
		in.Base = from
		if err := markdownRule(note(t, in)); err != nil {
			t.Errorf("note of %q: %v", text, err)
		}
	}
}

// S28: names that an API lists, values, subjects, people and reasons do nothing in
// any report.
func TestHostileTextsDoNothing(t *testing.T) {
	for i, text := range hostileTexts {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			checkPoisoned(t, text)
			checkLittle(t, "a "+text)
		})
	}
}

// little is a plan with one of what a report shows, so that fuzzing is quick.
func little(text string) *reconcile.Plan {
	p := base()
	p.Receipts = nil
	c := known("Container/canary", "canary.yaml")
	c.Held = []reconcile.Hold{{Guard: "mode", Reason: "x", Pos: line("stack.yaml", 4)}}
	p.Steps, p.Unmanaged, p.Ignored = []reconcile.Change{c}, shop().Unmanaged[:1], gate().Ignored
	poison(reflect.ValueOf(p).Elem(), text)
	return p
}

func FuzzMarkdownOfHostileTexts(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	f.Fuzz(checkLittle)
}

func checkLittle(t *testing.T, text string) {
	t.Helper()
	d := document(little(text), true)
	for _, format := range []string{"markdown", "junit", "codequality"} {
		if err := rules[format](written(t, format, d)); err != nil {
			t.Errorf("%q as %s: %v", text, format, err)
		}
	}
}

// What is escaped is still there to read: values come back from each format that
// programs read as they went in.
func TestHostileTextsComeBack(t *testing.T) {
	const odd = "a\x1b\u202e<&>\"'|`@all"
	p := base()
	p.Steps = []reconcile.Change{{Key: "Container/a", Kind: "Container", Action: reconcile.Update, Origins: origin("a.yaml", 1),
		Fields: []reconcile.FieldChange{{Path: "image", From: odd, To: "b", Label: reconcile.Drifted}}, Live: live("1", "Container/a", lastRev, nil)}}
	const visible = `a\x1b\u202e<&>\"'|` + "`@all"
	d := document(p, true)
	suite, err := readJUnit(written(t, "junit", d))
	if err != nil || !strings.Contains(*suite.Suites[0].Cases[1].Failure, visible) {
		t.Errorf("junit: %v: %q", err, *suite.Suites[0].Cases[1].Failure)
	}
	entries, err := readQuality(written(t, "codequality", d))
	if err != nil || len(entries) != 1 || !strings.Contains(entries[0].Description, visible) {
		t.Errorf("codequality: %v: %+v", err, entries)
	}
	if text := written(t, "markdown", d); !strings.Contains(text, visible) {
		t.Errorf("markdown:\n%s", text)
	}
}
