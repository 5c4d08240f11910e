package secrets_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"filippo.io/age"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/secrets"
)

// newKey makes an age key and puts it where SOPS looks for keys.
func newKey(t *testing.T) (recipient string) {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	noKeys(t)
	t.Setenv("SOPS_AGE_KEY", key.String())
	return key.Recipient().String()
}

// noKeys takes away what keys this machine may have.
func noKeys(t *testing.T) {
	t.Helper()
	home := t.TempDir()
	for name, value := range map[string]string{"HOME": home, "XDG_CONFIG_HOME": home, "GNUPGHOME": home, "SOPS_GPG_EXEC": "/nonexistent/gpg"} {
		t.Setenv(name, value)
	}
}

func fits(string, []byte) error { return nil }

var cabinet = secrets.Cabinet{Fits: fits}

// sealed is a file that holds values.
func sealed(t *testing.T, name, recipient string, values ...string) []byte {
	t.Helper()
	var data []byte
	for i := 0; i < len(values); i += 2 {
		var err error
		if i == 0 {
			data, err = cabinet.Begin(name, secrets.Recipients{Age: []string{recipient}}, values[0], reconcile.NewSecret(values[1]))
		} else {
			data, _, err = cabinet.Set(name, data, values[i], reconcile.NewSecret(values[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return data
}

// in are sources whose tree is one file.
func in(name string, data []byte) *secrets.Sources {
	return &secrets.Sources{Fits: fits, File: func(asked string) ([]byte, error) {
		if asked == name {
			return data, nil
		}
		return nil, errors.New("there is none")
	}}
}

func sops(name, key string) reconcile.ValueFrom {
	return reconcile.ValueFrom{Sort: "sops", Name: name, Key: key}
}

func TestSOPS(t *testing.T) {
	recipient := newKey(t)
	for _, name := range []string{"s.enc.yaml", "s.yml", "a/s.json", "s.env", "s.ini", "s.bin"} {
		t.Run(name, func(t *testing.T) {
			key := map[string]string{"s.env": "DATABASE_PASSWORD", "s.bin": ""}[name]
			if key == "" && name != "s.bin" {
				key = "database.password"
			}
			data := sealed(t, name, recipient, key, "c4nary-value")
			if bytes.Contains(data, []byte("c4nary")) {
				t.Fatalf("the value stands in clear:\n%s", data)
			}
			got, err := in(name, data).Lookup(t.Context(), sops(name, key))
			if err != nil || got.Reveal() != "c4nary-value" {
				t.Fatalf("got %q, %v", got.Reveal(), err)
			}
		})
	}
}

// TestSOPSRefuses: what cannot be used is refused with what to do, and no value is repeated.
func TestSOPSRefuses(t *testing.T) {
	recipient := newKey(t)
	good := string(sealed(t, "s.yaml", recipient, "password", "c4nary-value", "other", "c4nary-other"))
	swap := func(from, to string) func(*testing.T) []byte {
		return func(t *testing.T) []byte {
			if !strings.Contains(good, from) {
				t.Fatalf("%q is not in the file:\n%s", from, good)
			}
			return []byte(strings.Replace(good, from, to, 1))
		}
	}
	field := func(name string) string {
		begin := strings.Index(good, name+": ENC[")
		return good[begin : begin+strings.IndexByte(good[begin:], '\n')]
	}
	same := func(*testing.T) []byte { return []byte(good) }
	tests := []struct {
		name, file, key string
		data            func(*testing.T) []byte
		prepare         func(*testing.T)
		want            []string
	}{
		{name: "another key", data: same, prepare: func(t *testing.T) { newKey(t) }, want: []string{"s.yaml cannot be opened", recipient, "no key at hand is one of these", "SOPS_AGE_KEY_FILE"}},
		{name: "no key", data: same, prepare: func(t *testing.T) { noKeys(t); t.Setenv("SOPS_AGE_KEY", "") }, want: []string{recipient, "no age key is at hand"}},
		{name: "a key that is none", data: same, prepare: func(t *testing.T) { noKeys(t); t.Setenv("SOPS_AGE_KEY", "AGE-SECRET-KEY-1c4nary") }, want: []string{"cannot be read"}},
		{name: "a value in place of another", data: swap(field("other"), "other:"+strings.TrimPrefix(field("password"), "password:")), want: []string{"was changed after it was encrypted"}},
		{name: "a value taken out", data: swap(field("other")+"\n", ""), want: []string{"was changed after it was encrypted"}},
		{name: "a value added in clear", data: swap("sops:\n", "more_unencrypted: c4nary-clear\nsops:\n"), want: []string{"was changed after it was encrypted"}},
		{name: "a value that is not encrypted", data: swap(field("other"), "other: c4nary-clear"), want: []string{"was changed after it was encrypted"}},
		{name: "another MAC", data: swap("mac: ENC[AES256_GCM,data:", "mac: ENC[AES256_GCM,data:AA"), want: []string{"was changed after it was encrypted"}},
		{name: "not encrypted", data: func(*testing.T) []byte { return []byte("password: c4nary-clear\n") }, want: []string{"is not encrypted"}},
		{name: "no YAML", data: func(*testing.T) []byte { return []byte("a: [c4nary\n") }, want: []string{"s.yaml cannot be read"}},
		{name: "a list", data: func(*testing.T) []byte { return []byte("- c4nary\n") }, want: []string{"s.yaml cannot be read"}},
		{name: "nothing", data: func(*testing.T) []byte { return nil }, want: []string{"s.yaml"}},
		{name: "no JSON", file: "s.json", data: func(*testing.T) []byte { return []byte("c4nary") }, want: []string{"s.json", "it is no JSON"}},
		{name: "very deep JSON", file: "s.json", data: func(*testing.T) []byte { return bytes.Repeat([]byte(`{"a":`), 200_000) }, want: []string{"s.json", "it is no JSON"}},
		{name: "no dotenv", file: "s.env", data: func(*testing.T) []byte { return []byte("c4nary") }, want: []string{"s.env cannot be read"}},
		{name: "no such key", key: "pasword", data: same, want: []string{"s.yaml: there is no key pasword; did you mean password?"}},
		{name: "no such file", file: "t.yaml", data: nil, want: []string{"there is none"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.prepare != nil {
				test.prepare(t)
			}
			file, key := test.file, test.key
			if file == "" {
				file = "s.yaml"
			}
			if key == "" {
				key = "password"
			}
			from := in("none", nil)
			if test.data != nil {
				from = in(file, test.data(t))
			}
			got, err := from.Lookup(t.Context(), sops(file, key))
			if err == nil {
				t.Fatalf("no error, but %d characters", len(got.Reveal()))
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want one with %q", err, want)
				}
			}
			if strings.Contains(strings.ToLower(err.Error()), "c4nary") {
				t.Errorf("the error holds a value: %q", err)
			}
		})
	}
}

func TestSOPSWithoutFits(t *testing.T) {
	from := in("s.yaml", sealed(t, "s.yaml", newKey(t), "a", "b"))
	from.Fits = nil
	if _, err := from.Lookup(t.Context(), sops("s.yaml", "a")); err == nil {
		t.Error("YAML that nobody has looked at was given to the parser")
	}
	from = in("s.yaml", sealed(t, "s.yaml", newKey(t), "a", "b"))
	from.Fits = func(string, []byte) error { return errors.New("too much") }
	if _, err := from.Lookup(t.Context(), sops("s.yaml", "a")); err == nil || err.Error() != "too much" {
		t.Errorf("error %v", err)
	}
}

// TestSOPSOnce: a file is opened one time in a reading, however many ask.
func TestSOPSOnce(t *testing.T) {
	data := sealed(t, "s.yaml", newKey(t), "a", "1", "b", "2")
	var read atomic.Int64
	from := &secrets.Sources{Fits: fits, File: func(string) ([]byte, error) { read.Add(1); return data, nil }}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if _, err := from.Lookup(t.Context(), sops("s.yaml", string("ab"[i%2]))); err != nil {
				t.Error(err)
			}
		})
	}
	if all.Wait(); read.Load() != 1 {
		t.Errorf("the file was read %d times", read.Load())
	}
}

// TestSet: what is not changed stays as it is, cipher text and recipients too.
func TestSet(t *testing.T) {
	recipient := newKey(t)
	before := sealed(t, "s.yaml", recipient, "db.password", "one", "db.user", "u", "list.key", "x")
	after, changed, err := cabinet.Set("s.yaml", before, "db.password", reconcile.NewSecret("two"))
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	same := func(word string) {
		line := func(text []byte) string {
			for l := range strings.Lines(string(text)) {
				if strings.Contains(l, word) {
					return l
				}
			}
			return ""
		}
		if line(before) == "" || line(before) != line(after) {
			t.Errorf("%s: %q became %q", word, line(before), line(after))
		}
	}
	same("user:")
	same("recipient: " + recipient)
	if same, changed, err := cabinet.Set("s.yaml", after, "db.password", reconcile.NewSecret("two")); err != nil || changed || !bytes.Equal(same, after) {
		t.Errorf("the same value: changed %v, %v", changed, err)
	}
	for key, want := range map[string]string{"db.password": "two", "db.user": "u"} {
		if got, err := in("s.yaml", after).Lookup(t.Context(), sops("s.yaml", key)); err != nil || got.Reveal() != want {
			t.Errorf("%s: %q, %v", key, got.Reveal(), err)
		}
	}
	less, err := cabinet.Remove("s.yaml", after, "list.key")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := cabinet.Keys("s.yaml", less)
	if err != nil || strings.Join(keys, " ") != "db.password db.user" {
		t.Errorf("keys %v, %v", keys, err)
	}
	for key, want := range map[string]string{"db": "holds several values", "db.user.x": "holds a value already", "": "name its key", "sops.x": "SOPS keeps its own", "a_unencrypted": "in clear", "a..b": "is empty"} {
		if _, _, err := cabinet.Set("s.yaml", less, key, reconcile.NewSecret("c4nary")); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "c4nary") {
			t.Errorf("set %q: %v, want an error with %q", key, err, want)
		}
	}
	if _, err := cabinet.Remove("s.yaml", less, "db.none"); err == nil {
		t.Error("what is not there was removed")
	}
}

func TestBegin(t *testing.T) {
	recipient := newKey(t)
	dir := t.TempDir()
	rules := filepath.Join(dir, ".sops.yaml")
	text := "creation_rules:\n  - path_regex: \\.enc\\.yaml$\n    age: " + recipient + "\n  - path_regex: vault\n    hc_vault_transit_uri: https://vault.example.com/v1/transit/keys/k\n"
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	whom := func(name string) secrets.Recipients {
		file := filepath.Join(dir, name)
		return secrets.Recipients{Rules: secrets.FindRules(file), File: file}
	}
	if whom("x").Rules != rules {
		t.Fatalf("rules %q", whom("x").Rules)
	}
	value := reconcile.NewSecret("c4nary")
	data, err := cabinet.Begin("s.enc.yaml", whom("s.enc.yaml"), "a", value)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := in("s.enc.yaml", data).Lookup(t.Context(), sops("s.enc.yaml", "a")); err != nil || got.Reveal() != "c4nary" {
		t.Errorf("%q, %v", got.Reveal(), err)
	}
	for name, test := range map[string]struct {
		whom secrets.Recipients
		want string
	}{
		"nobody":                  {secrets.Recipients{}, "--age"},
		"no rule":                 {whom("other.yaml"), "has no rule that fits"},
		"no recipient":            {secrets.Recipients{Age: []string{"AGE-SECRET-KEY-1c4nary"}}, "--age wants a recipient"},
		"a server of the rules'":  {whom("vault.yaml"), "RECONCILE_KEY_SERVICES"},
		"a key that is not there": {secrets.Recipients{Age: []string{"age1nonsense"}}, "--age wants"},
	} {
		if _, err := cabinet.Begin("s.yaml", test.whom, "a", value); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "c4nary") {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

// A value says of which file it is, so that an approval ends when that is written
// anew; no digest is made of the value.
func TestSOPSDigest(t *testing.T) {
	recipient := newKey(t)
	one, other := sealed(t, "s.yaml", recipient, "a", "c4nary"), sealed(t, "s.yaml", recipient, "a", "c4nary")
	digest := func(data []byte) string {
		got, err := in("s.yaml", data).Lookup(t.Context(), sops("s.yaml", "a"))
		if err != nil {
			t.Fatal(err)
		}
		return got.Digest()
	}
	if first, again := digest(one), digest(one); first != again || first == "" || first == digest(other) {
		t.Errorf("digests %q, %q, %q", digest(one), digest(one), digest(other))
	}
}
