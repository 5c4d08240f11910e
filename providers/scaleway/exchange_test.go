package scaleway_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// R15: what looks like success but is no answer of the API must not pass for an
// empty listing.
func TestHalfAnswersAreNoAnswers(t *testing.T) {
	for name, api := range map[string]http.HandlerFunc{
		"a page of HTML": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>welcome</html>")
		},
		"another content type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprint(w, emptyList)
		},
		"JSON that breaks off": func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, emptyList[:12]) },
		"a body that breaks off": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			answer(w, 200, emptyList)
			panic(http.ErrAbortHandler)
		},
		"nothing":            func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, "") },
		"no content":         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"an object":          func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, "{}") },
		"a list without sum": func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"namespaces":[]}`) },
	} {
		t.Run(name, func(t *testing.T) {
			f := play(t, api)
			if class := reconcile.ClassOf(f.list(t.Context())); class != reconcile.Unavailable {
				t.Errorf("a listing is %q", class)
			}
			if name == "an object" || name == "a list without sum" || name == "nothing" || name == "no content" {
				return // which an answer to a POST may be
			}
			if class := reconcile.ClassOf(f.create(t.Context())); class != reconcile.Ambiguous {
				t.Errorf("a creation is %q", class)
			}
		})
	}
}

func TestAnswersHaveABound(t *testing.T) {
	f := play(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		piece := []byte(strings.Repeat(" ", 1<<20))
		for range 40 {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	if err := f.create(t.Context()); err == nil || !strings.Contains(err.Error(), "larger than 32 MiB") {
		t.Errorf("got %v", err)
	}
}

// Nothing has been sent if nobody listens, so that it may be sent again.
func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	f := play(t, nil, func(o *scaleway.Options) {
		inner := o.Getenv
		o.Getenv = func(name string) string {
			if name == "SCW_API_URL" {
				return server.URL
			}
			return inner(name)
		}
	})
	if class := reconcile.ClassOf(f.create(t.Context())); class != reconcile.Unavailable {
		t.Errorf("a creation is %q", class)
	}
}

func TestACancelledCreationMayHaveHappened(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan struct{})
	f := play(t, func(http.ResponseWriter, *http.Request) {
		cancel()
		<-answered // a server does not notice by itself that nobody waits any more
	})
	err := f.create(ctx)
	close(answered)
	if got := scaleway.Classify(err); got == nil || got.Class != reconcile.Ambiguous {
		t.Errorf("got %v", err)
	}
}

// S5: no redirect is followed, so no credential goes to another host.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var reached atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		f := play(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		if f.get(t.Context()) == nil || f.create(t.Context()) == nil {
			t.Errorf("%d is followed", status)
		}
	}
	if reached.Load() != 0 {
		t.Errorf("the other host saw %d requests", reached.Load())
	}
}

// S10: an API that repeats a secret value, in whatever form, does not get it
// into an error. S28: nor what moves a terminal's cursor.
func TestErrorsHoldNoSecrets(t *testing.T) {
	quoted, _ := json.Marshal(canary)
	forms := []string{
		canary, strings.Trim(string(quoted), `"`), url.QueryEscape(canary), base64.StdEncoding.EncodeToString([]byte(canary)), secretKey,
	}
	for _, form := range forms {
		message, _ := json.Marshal("value '" + form + "' is refused \x1b[2J\u202e")
		f := play(t, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 400, fmt.Sprintf(`{"type":"invalid_arguments","message":%s,"details":[{"argument_name":"a","help_message":%s}]}`, message, message))
		})
		got := scaleway.Classify(f.create(t.Context()))
		text := fmt.Sprintf("%v %+v %q", got, got, got.Message)
		if strings.Contains(text, form) || strings.Contains(text, "\x1b") || strings.Contains(text, "\u202e") {
			t.Errorf("%q is in %q", form, text)
		}
		if !strings.Contains(got.Message, reconcile.Masked) {
			t.Errorf("the place of %q is not to be seen in %q", form, got.Message)
		}
	}
}

func TestShortValuesAreNotHidden(t *testing.T) {
	if got := reconcile.Hide("a or b", "a", "or"); got != "a or b" {
		t.Errorf("got %q", got)
	}
}

// The SDK asks for its metadata lazily and unguarded; here it must neither ask nor race.
func TestMetadataIsNotAskedFor(t *testing.T) {
	var asked atomic.Int32
	f := play(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/metadata") {
			asked.Add(1)
		}
		answer(w, 200, namespace)
	})
	done := make(chan error)
	for range 8 {
		go func() { done <- f.get(t.Context()) }()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if asked.Load() != 0 {
		t.Errorf("it was asked for %d times", asked.Load())
	}
}
