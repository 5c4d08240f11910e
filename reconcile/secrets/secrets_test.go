package secrets_test

import (
	"errors"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/secrets"
)

func TestLookup(t *testing.T) {
	env := map[string]string{"TOKEN": "t0ken", "EMPTY": "", "SCW_SECRET_KEY": "deployer", "CI_JOB_TOKEN": "j0b-t0ken"}
	files := map[string]string{"a.txt": "value\n", "empty": "\n"}
	sources := func(allow []string) *secrets.Sources {
		return &secrets.Sources{
			Allow: allow,
			Env:   func(name string) (string, bool) { v, ok := env[name]; return v, ok },
			File: func(name string) ([]byte, error) {
				if text, ok := files[name]; ok {
					return []byte(text), nil
				}
				return nil, errors.New("there is none")
			},
		}
	}
	tests := []struct {
		name, sort, arg string
		allow           []string
		want, err       string
	}{
		{name: "variable", sort: "env", arg: "TOKEN", want: "t0ken"},
		{name: "allowed by pattern", sort: "env", arg: "TOKEN", allow: []string{"TO*"}, want: "t0ken"},
		{name: "not allowed", sort: "env", arg: "TOKEN", allow: []string{"OTHER"}, err: "RECONCILE_ALLOW_ENV"},
		{name: "none allowed", sort: "env", arg: "TOKEN", allow: []string{}, err: "not among those"},
		{name: "unset", sort: "env", arg: "NONE", err: "is not set"},
		{name: "empty", sort: "env", arg: "EMPTY", err: "is not set"},
		{name: "the deployer's key", sort: "env", arg: "SCW_SECRET_KEY", allow: []string{"*"}, err: "not for manifests"},
		{name: "the job's token", sort: "env", arg: "CI_JOB_TOKEN", err: "not for manifests"},
		{name: "file", sort: "file", arg: "a.txt", want: "value"},
		{name: "no file", sort: "file", arg: "b.txt", err: "there is none"},
		{name: "empty file", sort: "file", arg: "empty", err: "is empty"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := sources(test.allow).Lookup(t.Context(), reconcile.ValueFrom{Sort: test.sort, Name: test.arg})
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error %v, want one with %q", err, test.err)
				}
				if value := env[test.arg]; value != "" && strings.Contains(err.Error(), value) {
					t.Fatalf("error %q holds the value", err)
				}
				return
			}
			if err != nil || got.Reveal() != test.want {
				t.Fatalf("got %q, %v; want %q", got.Reveal(), err, test.want)
			}
		})
	}
}
