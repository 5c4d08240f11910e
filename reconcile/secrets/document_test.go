package secrets

import (
	"strings"
	"testing"
	"time"

	"github.com/getsops/sops/v3"
)

// tree is {database: {host, port: 5432, "a.b": dotted}, a: {b: inner}, a.b: {c: outer}, list: [x, {name: y}, 1.5], on: true, nothing, at}.
func tree() *document {
	return &document{branches: sops.TreeBranches{
		{{Key: sops.Comment{Value: "a comment"}}, {Key: "database", Value: sops.TreeBranch{
			{Key: "host", Value: "db.example.com"}, {Key: "port", Value: 5432}, {Key: "a.b", Value: "dotted"},
		}}},
		{
			{Key: "a", Value: sops.TreeBranch{{Key: "b", Value: "inner"}}},
			{Key: "a.b", Value: sops.TreeBranch{{Key: "c", Value: "outer"}}},
			{Key: "list", Value: []any{sops.Comment{Value: "first"}, "x", sops.TreeBranch{{Key: "name", Value: "y"}}, 1.5}},
			{Key: "on", Value: true}, {Key: "nothing", Value: nil}, {Key: "at", Value: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)},
		},
	}}
}

func TestKeys(t *testing.T) {
	whole := "all of it"
	tests := []struct {
		name, key, want, err string
		doc                  *document
	}{
		{name: "below", key: "database.host", want: "db.example.com"},
		{name: "number", key: "database.port", want: "5432"},
		{name: "name with a dot", key: "database.a.b", want: "dotted"},
		{name: "the longest name counts", key: "a.b.c", want: "outer"},
		{name: "in a list", key: "list.0", want: "x"},
		{name: "below a list", key: "list.1.name", want: "y"},
		{name: "fraction", key: "list.2", want: "1.5"},
		{name: "truth", key: "on", want: "true"},
		{name: "time", key: "at", want: "2026-11-21T09:00:00Z"},
		{name: "nothing", key: "nothing", want: ""},
		{name: "whole", doc: &document{whole: &whole}, want: "all of it"},
		{name: "whole has no keys", doc: &document{whole: &whole}, key: "a", err: "has no keys"},
		{name: "no key", err: "which value?"},
		{name: "a map", key: "database", err: "no single value"},
		{name: "misspelt", key: "databse.host", err: "did you mean database?"},
		{name: "misspelt below", key: "database.hots", err: "below database there is no key hots; did you mean host?"},
		{name: "behind the end of a list", key: "list.3", err: "below list there is no key 3; there are 3 items, counted from 0"},
		{name: "index of many forms", key: "list.00", err: "counted from 0"},
		{name: "below a value", key: "on.off", err: "below on there is no key off"},
		{name: "a dot too many", key: "database.", err: "there is no key"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			doc := test.doc
			if doc == nil {
				doc = tree()
			}
			got, err := doc.at(test.key)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("got %q, error %v; want an error with %q", got, err, test.err)
				}
				return
			}
			if err != nil || got != test.want {
				t.Fatalf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

// FuzzKey looks for keys that break off, and for values in errors.
func FuzzKey(f *testing.F) {
	for _, key := range []string{"", ".", "a", "a.b.c", "list.1.name", "list.-1", "list.99999999999999999999", "database..host", "a.b.c.d", "\x00", "ü.ß"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		got, err := tree().at(key)
		again, errAgain := tree().at(key)
		if got != again || (err == nil) != (errAgain == nil) {
			t.Fatalf("key %q: %q, %v, and then %q, %v", key, got, err, again, errAgain)
		}
		for _, value := range []string{"db.example.com", "dotted", "inner", "outer"} {
			if err != nil && strings.Contains(err.Error(), value) && !strings.Contains(key, value) {
				t.Fatalf("key %q: the error %q holds a value", key, err)
			}
		}
		s := &sheet{name: "f.yaml", tree: sops.Tree{Branches: tree().branches}}
		if path, err := s.path(key); err == nil && settable(s.tree.Branches[0], path, key) == nil {
			if _, err := s.put(key, "n3w"); err != nil {
				t.Fatalf("key %q: %v", key, err)
			}
			if got, err := (&document{branches: s.tree.Branches}).at(key); err != nil || got != "n3w" {
				t.Fatalf("key %q: what was put there reads %q, %v", key, got, err)
			}
		}
	})
}
