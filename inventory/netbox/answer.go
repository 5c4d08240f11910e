package netbox

import (
	"encoding/json"
	"fmt"
	"html"
	"mime"
	"net/http"
	"regexp"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// answer is what came back.
type answer struct {
	method, path string
	status       int
	header       http.Header
	body         []byte
	hidden       []string
}

// judge is nil if the answer is one of success that can be used.
func (a *answer) judge() error {
	switch {
	case a.status >= 300 && a.status < 400:
		e := a.problem(reconcile.Unavailable, "NetBox sends elsewhere; that is not followed, so that no token goes there")
		e.Fix = "set the address that NetBox itself has, https included"
		return e
	case a.status < 200 || a.status > 299:
		return a.refusal()
	case a.method == http.MethodDelete && (len(a.body) == 0 || a.isJSON()):
		return nil // nothing in it is of use
	case len(a.body) == 0:
		return a.odd("nothing is in it")
	case !a.isJSON():
		return a.odd("it is " + a.form() + "; is the address right, and is no login page before it?")
	case !json.Valid(a.body):
		return a.odd("its JSON breaks off or is malformed")
	}
	return nil
}

func (a *answer) isJSON() bool {
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	return kind == "application/json"
}

// request is the ID that NetBox gave the request.
func (a *answer) request() string { return a.told(a.header.Get(requestHeader), 80) }

// told is what of a server's text may be repeated. It is cut last, so that no part
// of a secret is left at its end.
func (a *answer) told(text string, most int) string {
	return clip(reconcile.Hide(reconcile.OneLine(text), a.hidden...), most)
}

// odd is the error of an answer that says success, and cannot be NetBox's. After
// a write nobody knows what was done.
func (a *answer) odd(why string) error {
	return a.problem(a.failed(), fmt.Sprintf("answered with %d, but %s", a.status, why))
}

// failed is the class of what went wrong at their end.
func (a *answer) failed() reconcile.Class {
	if a.method == http.MethodGet {
		return reconcile.Unavailable
	}
	return reconcile.Ambiguous
}

// problem is an error that begins with what was asked. What a server says must
// have been told.
func (a *answer) problem(class reconcile.Class, says string) *reconcile.Error {
	return &reconcile.Error{
		Class: class, RequestID: a.request(),
		Message: reconcile.OneLine(a.method+" "+a.path+": ") + says,
	}
}

var title = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// form says what a body is that is no JSON.
func (a *answer) form() string {
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	switch {
	case len(a.body) == 0:
		return "empty"
	case kind != "text/html":
		return fmt.Sprintf("%q, not JSON", a.told(kind, 60))
	}
	m := title.FindSubmatch(a.body[:min(len(a.body), 64<<10)])
	if m == nil {
		return "a page of HTML"
	}
	return fmt.Sprintf("a page of HTML titled %q", a.told(strings.Join(strings.Fields(html.UnescapeString(string(m[1]))), " "), 80))
}
