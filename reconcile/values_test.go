package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// asked is what one valueFrom asks for, or what is wrong with it.
func asked(t *testing.T, from any) (reconcile.ValueFrom, string) {
	t.Helper()
	m := shape("a", obj{"image": "img-1", "token": obj{"valueFrom": from}})
	m.Pos.File = "app/m.yaml"
	all := m.Lookups()
	_, problems := shapeKind().Decode(&m, nil)
	switch {
	case len(problems) == 1 && len(all) == 0:
		return reconcile.ValueFrom{}, problems[0].String()
	case len(problems) == 0 && len(all) == 1:
		all[0].Pos = reconcile.Pos{}
		return all[0], ""
	}
	t.Fatalf("%v: look-ups %v, problems %v", from, all, problems)
	return reconcile.ValueFrom{}, ""
}

func TestValueFrom(t *testing.T) {
	long := strings.Repeat("a", 255)
	good := []struct {
		from any
		want reconcile.ValueFrom
		text string
	}{
		{obj{"env": "A"}, reconcile.ValueFrom{Sort: "env", Name: "A"}, "env A"},
		{obj{"file": "x"}, reconcile.ValueFrom{Sort: "file", Name: "app/x"}, "file app/x"},
		{obj{"sops": "s.yaml#a.b"}, reconcile.ValueFrom{Sort: "sops", Name: "app/s.yaml", Key: "a.b"}, "sops app/s.yaml#a.b"},
		{obj{"sops": "../s.bin"}, reconcile.ValueFrom{Sort: "sops", Name: "s.bin"}, "sops s.bin"},
		{obj{"sops": obj{"file": "s#1.yaml", "key": "a#b"}}, reconcile.ValueFrom{Sort: "sops", Name: "app/s#1.yaml", Key: "a#b"}, "sops app/s#1.yaml#a#b"},
		{obj{"secretManager": "db"}, reconcile.ValueFrom{Sort: "secretManager", Name: "db"}, "secretManager db"},
		{obj{"secretManager": "/shop/x/db"}, reconcile.ValueFrom{Sort: "secretManager", Path: "/shop/x", Name: "db"}, "secretManager /shop/x/db"},
		{obj{"secretManager": "/db"}, reconcile.ValueFrom{Sort: "secretManager", Path: "/", Name: "db"}, "secretManager /db"},
		{obj{"secretManager": long}, reconcile.ValueFrom{Sort: "secretManager", Name: long}, "secretManager " + long},
		{obj{"secretManager": obj{"name": "db", "path": "/shop/", "region": "nl-ams", "revision": 3, "field": "password"}},
			reconcile.ValueFrom{Sort: "secretManager", Path: "/shop", Name: "db", Region: "nl-ams", Revision: "3", Key: "password"}, "secretManager /shop/db#password revision 3"},
		{obj{"secretManager": obj{"name": "db", "revision": "latest"}}, reconcile.ValueFrom{Sort: "secretManager", Name: "db", Revision: "latest"}, "secretManager db revision latest"},
	}
	for _, test := range good {
		got, problem := asked(t, test.from)
		if got != test.want || got.String() != test.text || problem != "" {
			t.Errorf("%v: got %+v (%s), %s", test.from, got, got, problem)
		}
	}
	wrong := []struct {
		from any
		want string
	}{
		{obj{"sops": ""}, "sops wants a name"},
		{obj{"sops": "#a"}, "sops wants a name"},
		{obj{"sops": obj{"key": "a"}}, "sops wants {file: PATH, key: KEY}"},
		{obj{"sops": obj{"file": "s.yaml", "kye": "a"}}, `unknown field "kye"; there are file, key; did you mean key?`},
		{obj{"sops": obj{"file": "s.yaml", "key": obj{}}}, "key wants a text"},
		{obj{"sops": []any{"s.yaml"}}, "sops wants a map or a text"},
		{obj{"sops": "../../s.yaml#a"}, "outside the stack's folder"},
		{obj{"sops": "/etc/s.yaml#a"}, "outside the stack's folder"},
		{obj{"secretManager": ""}, "secretManager wants a name"},
		{obj{"secretManager": "/shop/"}, "secretManager wants a name"},
		{obj{"secretManager": "a b"}, `name "a b" wants letters`},
		{obj{"secretManager": "a?x=y"}, "wants letters"},
		{obj{"secretManager": long + "a"}, "255 at most"},
		{obj{"secretManager": "../x"}, `path ".." wants folders such as /shop`},
		{obj{"secretManager": "/a/../x"}, `path "/a/.." wants folders`},
		{obj{"secretManager": obj{"name": "a/b"}}, "wants letters"},
		{obj{"secretManager": obj{"name": "a", "region": "fr-par/../x"}}, "wants a region such as fr-par"},
		{obj{"secretManager": obj{"name": "a", "revision": "1/../../x"}}, "wants a number, latest or latest_enabled"},
		{obj{"secretManager": obj{"name": "a", "revision": 0}}, "wants a number"},
		{obj{"secretManager": obj{"name": "a", "project": "p"}}, `unknown field "project"`},
		{obj{"secretmanager": "a"}, "did you mean secretManager?"},
	}
	for _, test := range wrong {
		if got, problem := asked(t, test.from); !strings.Contains(problem, test.want) {
			t.Errorf("%v: got %+v, problem %q, want one with %q", test.from, got, problem, test.want)
		}
	}
}

// counting notes what is looked up.
type counting struct {
	mu  sync.Mutex
	all []string
}

func (c *counting) Lookup(_ context.Context, from reconcile.ValueFrom) (reconcile.Secret, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, from.String())
	if from.Name == "none" {
		return reconcile.Secret{}, fmt.Errorf("there is no %s", from.Name)
	}
	return reconcile.NewSecret("c4nary"), nil
}

// TestLook looks each value up once, tells those of one secret apart, and one
// that is not there holds what asks for it, and nothing else.
func TestLook(t *testing.T) {
	token := func(name string, from any) reconcile.Manifest {
		return shape(name, obj{"image": "img-1", "token": obj{"valueFrom": from}})
	}
	all := []reconcile.Manifest{
		token("a", obj{"secretManager": obj{"name": "db", "field": "x"}}), token("b", obj{"secretManager": obj{"name": "db", "field": "y"}}),
		token("c", obj{"secretManager": obj{"name": "db", "field": "x"}}), token("d", obj{"secretManager": "none"}),
		token("e", obj{"secretManager": obj{"name": "db", "field": "x", "region": "nl-ams"}}),
	}
	in := &counting{}
	values := reconcile.Look(t.Context(), all, in)
	if len(in.all) != 4 {
		t.Errorf("looked up %v", in.all)
	}
	src := &reconcile.Source{Stack: reconcile.Stack{Name: "s", Regions: []string{"fr-par"}}, Manifests: all}
	wish, problems := reconcile.Expand(src, reconcile.Kinds{shapeKind()}, values)
	if problems.Err() != nil {
		t.Fatal(problems)
	}
	for _, w := range wish.Ordered {
		switch held := w.Hold != nil; {
		case held != (w.Key == "Shape/d"):
			t.Errorf("%s: held %v", w.Key, w.Hold)
		case held && (w.Hold.Guard != "look-up" || w.Hold.Pos.IsZero() || !strings.Contains(w.Hold.Reason, "token: there is no none")):
			t.Errorf("%s: held %+v", w.Key, w.Hold)
		}
	}
}

// Of several values that are not there all are named, and one that could not be
// read outweighs one that is only to come: else the answer would pass for complete.
func TestSeveralValuesLacking(t *testing.T) {
	gone, later := errors.New("variable is not set"), &reconcile.NotYet{Needs: "Secret/x", Reason: "Secret/x is made first"}
	for name, c := range map[string]struct {
		image, token error
		guard, want  string
	}{
		"both gone":   {gone, gone, "look-up", "image: variable is not set; token: variable is not set"},
		"later first": {later, gone, "look-up", "token: variable is not set"},
		"later last":  {gone, later, "look-up", "image: variable is not set"},
		"both later":  {later, later, "needs", "image: Secret/x is made first; token: Secret/x is made first"},
	} {
		env := func(name string) obj { return obj{"valueFrom": obj{"env": name}} }
		m := shape("a", obj{"image": env("A"), "token": env("B")})
		src := &reconcile.Source{Stack: reconcile.Stack{Name: "s", Regions: []string{"fr-par"}}, Manifests: []reconcile.Manifest{m}}
		wish, problems := reconcile.Expand(src, reconcile.Kinds{shapeKind()}, reconcile.Values{"env:A": {Err: c.image}, "env:B": {Err: c.token}})
		if problems.Err() != nil {
			t.Fatal(problems)
		}
		if hold := wish.Ordered[0].Hold; hold == nil || hold.Guard != c.guard || hold.Reason != c.want {
			t.Errorf("%s: held %+v", name, hold)
		}
	}
}

func TestMayRead(t *testing.T) {
	stack := reconcile.Stack{Name: "shop", UID: "0f8e2d64-3c55-4d5c-9b0e-6f2d1c7ab901"}
	for mark, want := range map[reconcile.Mark]bool{
		{}: true, {Stack: "shop", UID: "0f8e2d64"}: true, {Stack: "was", UID: "0f8e2d64"}: true, {Stack: "shop"}: true, {Stack: "shop", UID: "1f8e2d64"}: false, {Stack: "other"}: false,
	} {
		if got := stack.MayRead(mark); got != want {
			t.Errorf("%+v: %v", mark, got)
		}
	}
}
