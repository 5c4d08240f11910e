package secret_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/providers/secret"
	"gitlab.com/reconciled/reconciled/reconcile"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; it is now:\n%s", file, got)
	}
}

// What Default and Title do is part of reconcile/v1: for an input it never changes.
func TestDefaults(t *testing.T) {
	var out strings.Builder
	for _, test := range []struct {
		title string
		spec  fields
	}{
		{"a value", fields{"value": "x"}},
		{"made up", fields{"generate": fields{}}},
		{"made up otherwise", fields{"generate": fields{"length": 64, "atLeast": 2, "special": "", "rotation": "2"}}},
		{"a folder with a slash at its end", fields{"value": "x", "path": "/shop/"}},
		{"a name", fields{"value": "x", "name": "DATABASE_URL"}},
	} {
		fmt.Fprintln(&out, test.title)
		for _, d := range kindOf(t, nil).Differences(&secret.Secret{}, wanted(t, "database", test.spec)) {
			fmt.Fprintf(&out, "    %s: %v\n", d.Path, d.To)
		}
	}
	golden(t, "defaults.txt", out.String())
}

// wire is an API that takes everything and notes all requests but GETs.
type wire struct {
	kind reconcile.Kind
	sent strings.Builder
}

func wired(t *testing.T) *wire {
	t.Helper()
	w := &wire{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			body, _ := io.ReadAll(r.Body)
			var pretty bytes.Buffer
			if json.Indent(&pretty, body, "", "  ") != nil {
				pretty.Write(body)
			}
			fmt.Fprintf(&w.sent, "%s %s\n%s\n", r.Method, r.URL.Path, pretty.String())
		}
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprint(rw, `{"id":"made","revision":2,"versions":[],"total_count":0}`)
	}))
	t.Cleanup(server.Close)
	w.kind = kindOf(t, clientOf(t, server.URL))
	return w
}

func clientOf(t *testing.T, url string) *scaleway.Client {
	t.Helper()
	env := map[string]string{
		"SCW_API_URL": url, "SCW_ACCESS_KEY": "SCW11111111111111111", "SCW_SECRET_KEY": "11111111-2222-4333-8444-555555555555",
	}
	client, err := scaleway.New(t.Context(), scaleway.Options{Getenv: func(name string) string { return env[name] }, Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

var (
	scope    = reconcile.Scope{Project: "22222222-2222-4222-8222-222222222222", Place: "fr-par"}
	verifier = regexp.MustCompile(`\$argon2id\$[^" ]*`)
	madeUp   = regexp.MustCompile(`("data": ")[A-Za-z0-9+/=]{44,}`)
)

// plain takes out of requests what is random.
func plain(sent string) string {
	return madeUp.ReplaceAllString(verifier.ReplaceAllString(sent, "(verifier)"), "${1}(made up)")
}

// A creation sends everything but the value, which is a version of its own.
func TestCreateRequest(t *testing.T) {
	w := wired(t)
	for _, spec := range []fields{
		{"value": "x"},
		{"name": "LOGIN", "path": "/shop", "description": "of the shop", "type": "key_value", "protected": true, "value": `{"a":"b"}`},
	} {
		want := wanted(t, "database", spec)
		_, err := w.kind.Create(t.Context(), reconcile.Desired[any]{
			Key: "Secret/database", Name: want.Name, Scope: scope, Spec: want, Mark: markOf("Secret/database", "4f2a91c0"), Tags: []string{"team=web"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "create.txt", w.sent.String())
}

// An update sends what differs and no more, and the mark once with all of it.
func TestUpdateRequests(t *testing.T) {
	var out strings.Builder
	base := fields{"value": "x"}
	for _, test := range []struct {
		title string
		spec  fields
		rev   string
	}{
		{"the value", fields{"value": "y"}, "4f2a91c0"},
		{"the value, after the mark was written", fields{"value": "y"}, "0e0e0e0e"},
		{"made up", fields{"generate": fields{"rotation": "of November"}}, "4f2a91c0"},
		{"name, folder and description", fields{"name": "LOGIN", "path": "/shop", "description": "of the shop", "value": "x"}, "4f2a91c0"},
		{"protection", fields{"protected": true, "value": "x"}, "4f2a91c0"},
		{"all at once", fields{"path": "/shop", "protected": true, "value": "y"}, "4f2a91c0"},
		{"labels only", base, "4f2a91c0"},
	} {
		w := wired(t)
		live, want := wanted(t, "database", base), wanted(t, "database", test.spec)
		have := &reconcile.Resource{
			Kind: "Secret", Scope: scope, ID: "id", Spec: live, Mark: markOf("Secret/database", "0e0e0e0e"), Tags: []string{"theirs"},
		}
		desired := reconcile.Desired[any]{Key: "Secret/database", Scope: scope, Spec: want, Mark: markOf("Secret/database", test.rev)}
		if test.title == "labels only" {
			desired.Tags = []string{"team=web"}
		}
		for _, d := range w.kind.Differences(live, want) {
			desired.Changed = append(desired.Changed, d.Path)
		}
		if err := w.kind.Update(t.Context(), have, desired); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "# %s: %s\n%s\n", test.title, strings.Join(desired.Changed, " "), plain(w.sent.String()))
	}
	golden(t, "update.txt", out.String())
}
