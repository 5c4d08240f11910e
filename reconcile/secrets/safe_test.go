package secrets_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/secrets"
)

// strongbox is a Secret Manager of one project.
type strongbox struct {
	mu     sync.Mutex
	kept   map[string]secrets.Kept // by region and place
	values map[string]string       // by ID and revision
	opened []string
	err    error
}

func (b *strongbox) Find(_ context.Context, at secrets.Address) (secrets.Kept, error) {
	if k, ok := b.kept[at.Region+at.String()]; ok {
		return k, nil
	}
	return secrets.Kept{}, &reconcile.Error{Class: reconcile.NotFound, Message: "there is none"}
}

func (b *strongbox) Open(_ context.Context, k secrets.Kept, revision string) (reconcile.Secret, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened = append(b.opened, k.ID+"@"+revision)
	return reconcile.NewSecret(b.values[k.ID]), b.err
}

func (b *strongbox) put(region, path, name, value string, mark reconcile.Mark) {
	at := secrets.Address{Region: region, Path: path, Name: name}
	if b.kept == nil {
		b.kept, b.values = map[string]secrets.Kept{}, map[string]string{}
	}
	id := region + at.String()
	b.kept[id], b.values[id] = secrets.Kept{Address: at, ID: id, Mark: mark}, value
}

const uid = "0f8e2d64-3c55-4d5c-9b0e-6f2d1c7ab901"

func shop() *reconcile.Stack {
	return &reconcile.Stack{Name: "shop", UID: uid, Project: "p", Regions: []string{"fr-par", "nl-ams"}}
}

func TestSecretManager(t *testing.T) {
	box := &strongbox{}
	box.put("fr-par", "/reconcile/shop", "db", "c4nary-db", reconcile.Mark{Stack: "shop", UID: "0f8e2d64"})
	box.put("nl-ams", "/shop", "db", "c4nary-nl", reconcile.Mark{})
	box.put("fr-par", "/shop", "json", `{"user": "u", "password": "c4nary-field", "port": 5432, "on": true, "none": null, "deep": {}}`, reconcile.Mark{})
	box.put("fr-par", "/shop", "binary", "\xff\x00", reconcile.Mark{})
	box.put("fr-par", "/shop", "empty", "", reconcile.Mark{})
	from := func(v reconcile.ValueFrom) reconcile.ValueFrom { v.Sort = "secretManager"; return v }
	tests := []struct {
		name      string
		from      reconcile.ValueFrom
		allow     []string
		want, err string
	}{
		{name: "the stack's own folder and first region", from: reconcile.ValueFrom{Name: "db"}, want: "c4nary-db"},
		{name: "another folder and region", from: reconcile.ValueFrom{Name: "db", Path: "/shop", Region: "nl-ams"}, want: "c4nary-nl"},
		{name: "field", from: reconcile.ValueFrom{Name: "json", Path: "/shop", Key: "password"}, want: "c4nary-field"},
		{name: "number", from: reconcile.ValueFrom{Name: "json", Path: "/shop", Key: "port"}, want: "5432"},
		{name: "truth", from: reconcile.ValueFrom{Name: "json", Path: "/shop", Key: "on"}, want: "true"},
		{name: "no such field", from: reconcile.ValueFrom{Name: "json", Path: "/shop", Key: "pasword"}, err: "did you mean password?"},
		{name: "no single field", from: reconcile.ValueFrom{Name: "json", Path: "/shop", Key: "deep"}, err: "no single value"},
		{name: "empty field", from: reconcile.ValueFrom{Name: "json", Path: "/shop", Key: "none"}, err: "is empty"},
		{name: "field of what has none", from: reconcile.ValueFrom{Name: "db", Key: "password"}, err: "has no fields"},
		{name: "no text", from: reconcile.ValueFrom{Name: "binary", Path: "/shop"}, err: "is no text"},
		{name: "no value", from: reconcile.ValueFrom{Name: "empty", Path: "/shop"}, err: "is empty"},
		{name: "not there", from: reconcile.ValueFrom{Name: "x"}, err: "there is no secret /reconcile/shop/x in fr-par; reconcile config set x makes it"},
		{name: "not there, elsewhere", from: reconcile.ValueFrom{Name: "x", Path: "/a"}, err: "--path /a"},
		{name: "still to be made", from: reconcile.ValueFrom{Name: "made", Path: "/shop"}, err: "it needs Secret/made"},
		{name: "allowed", from: reconcile.ValueFrom{Name: "db"}, allow: []string{"/reconcile/shop/*"}, want: "c4nary-db"},
		{name: "not allowed", from: reconcile.ValueFrom{Name: "db", Path: "/shop", Region: "nl-ams"}, allow: []string{"/reconcile/shop/*"}, err: "bounds.secrets"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &secrets.Sources{Safe: box, Stack: shop(), Secrets: test.allow, Maker: func(at secrets.Address) reconcile.Key {
				if at.String() == "/shop/made" {
					return "Secret/made"
				}
				return ""
			}}
			got, err := s.Lookup(t.Context(), from(test.from))
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), "c4nary") {
					t.Fatalf("error %v, want one with %q", err, test.err)
				}
				return
			}
			if err != nil || got.Reveal() != test.want {
				t.Fatalf("got %q, %v; want %q", got.Reveal(), err, test.want)
			}
		})
	}
}

// TestS20: a stack reads its own secrets and nobody's, and no other stack's.
func TestS20(t *testing.T) {
	type who struct {
		name, uid string
		taken     bool // another stack has the bare name
	}
	stacks := []who{{name: "shop", uid: uid}, {name: "shop"}, {name: "shop", uid: uid, taken: true}, {name: "renamed", uid: uid}, {name: "other", uid: "1f8e2d64-3c55-4d5c-9b0e-6f2d1c7ab902"}}
	marks := []reconcile.Mark{{}, {Stack: "shop", UID: "0f8e2d64"}, {Stack: "shop", UID: "0f8e2d64", Key: "Secret/db"}, {Stack: "shop"}, {Stack: "shop2"},
		{Stack: "shop", UID: "1f8e2d64"}, {Stack: "other", UID: "1f8e2d64"}, {Stack: "shop.0f8e2d64 and other.1f8e2d64"}}
	allowed := []string{"11110000", "10010000", "11100000", "11100000", "10000110"}
	yes, no := 0, 0
	for i, s := range stacks {
		for j, mark := range marks {
			box := &strongbox{}
			box.put("fr-par", "/x", "db", "c4nary", mark)
			stack := &reconcile.Stack{Name: s.name, UID: s.uid, BareTaken: s.taken, Regions: []string{"fr-par"}}
			_, err := (&secrets.Sources{Safe: box, Stack: stack}).Lookup(t.Context(), reconcile.ValueFrom{Sort: "secretManager", Name: "db", Path: "/x"})
			if want := allowed[i][j] == '1'; (err == nil) != want {
				t.Errorf("stack %s (uid %q, name taken %v) reads what bears %q: %v; want %v", s.name, s.uid, s.taken, mark.Owner(), err == nil, want)
			}
			if err != nil && len(box.opened) > 0 {
				t.Errorf("stack %s was refused what bears %q, and its value was read nevertheless", s.name, mark.Owner())
			}
			if err == nil {
				yes++
			} else {
				no++
			}
		}
	}
	t.Logf("S20: of %d pairs of stack and secret %d are allowed, %d denied", yes+no, yes, no)
}

// TestOnce: what several manifests ask for is read one time, also at once.
func TestOnce(t *testing.T) {
	box := &strongbox{}
	box.put("fr-par", "/reconcile/shop", "json", `{"a": "1", "b": "2"}`, reconcile.Mark{})
	s := &secrets.Sources{Safe: box, Stack: shop()}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if _, err := s.Lookup(t.Context(), reconcile.ValueFrom{Sort: "secretManager", Name: "json", Key: string("ab"[i%2])}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(box.opened) != 1 || box.opened[0] != "fr-par/reconcile/shop/json@latest_enabled" {
		t.Errorf("opened %v", box.opened)
	}
	got := s.Receipts(reconcile.Record{}.Stamp)
	if len(got) != 1 || got[0].Count != 1 || !got[0].Complete || got[0].Scope.Place != "fr-par" {
		t.Errorf("receipts %+v", got)
	}
}

// TestForbidden: what may not be read has the API's own class.
func TestForbidden(t *testing.T) {
	box := &strongbox{err: &reconcile.Error{Class: reconcile.Forbidden, Message: "read secret: it takes a permission"}}
	box.put("fr-par", "/x", "db", "", reconcile.Mark{})
	s := &secrets.Sources{Safe: box, Stack: shop()}
	_, err := s.Lookup(t.Context(), reconcile.ValueFrom{Sort: "secretManager", Name: "db", Path: "/x"})
	if reconcile.ClassOf(err) != reconcile.Forbidden || len(s.Receipts(reconcile.Record{}.Stamp)) != 0 {
		t.Errorf("error %v", err)
	}
}
