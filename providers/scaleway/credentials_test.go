package scaleway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

const (
	newAccessKey = "SCW22222222222222222"
	newSecretKey = "99999999-2222-4333-8444-555555555555"
)

// account is an API that takes some keys only.
type account struct {
	valid map[string]bool
	sent  []string // the keys of the requests
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("X-Auth-Token")
	a.sent = append(a.sent, key[:1])
	if !a.valid[key] {
		answer(w, 401, `{"message":"authentication is denied","method":"api_key","reason":"not_found","type":"denied_authentication"}`)
		return
	}
	answer(w, 200, namespace)
}

// files are the two parts of a key in a folder.
type files struct{ access, secret string }

func keyFiles(t *testing.T) files {
	t.Helper()
	dir := t.TempDir()
	f := files{filepath.Join(dir, "access-key"), filepath.Join(dir, "secret-key")}
	f.write(t, accessKey, secretKey)
	return f
}

func (f files) write(t *testing.T, access, secret string) {
	t.Helper()
	for name, text := range map[string]string{f.access: access, f.secret: secret} {
		if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (f files) source(o *scaleway.Options) {
	o.Credentials = func(context.Context) (scaleway.Credentials, error) {
		access, err := os.ReadFile(f.access)
		secret, err2 := os.ReadFile(f.secret)
		return scaleway.Credentials{AccessKey: strings.TrimSpace(string(access)), SecretKey: reconcile.NewSecret(strings.TrimSpace(string(secret)))}, errors.Join(err, err2)
	}
}

func TestKeysAreReadAgain(t *testing.T) {
	api := &account{valid: map[string]bool{secretKey: true, newSecretKey: true}}
	keys := keyFiles(t)
	f := play(t, api.ServeHTTP, keys.source)
	_ = f.get(t.Context())
	keys.write(t, newAccessKey, newSecretKey)
	_ = f.get(t.Context()) // a moment later: not looked at again yet
	f.clock.Sleep(t.Context(), time.Second)
	_ = f.get(t.Context())
	if got := strings.Join(api.sent, ""); got != "119" {
		t.Errorf("the keys of the requests begin with %s, want 119", got)
	}
}

// The old key ends before a second is over: what it is refused for is sent again
// with the new one, of creations as well.
func TestARefusedKeyIsReadAgainAtOnce(t *testing.T) {
	for _, call := range []func(*fake, context.Context) error{(*fake).get, (*fake).create, (*fake).update, (*fake).remove} {
		api := &account{valid: map[string]bool{secretKey: true}}
		keys := keyFiles(t)
		f := play(t, api.ServeHTTP, keys.source)
		_ = f.get(t.Context())
		keys.write(t, newAccessKey, newSecretKey)
		api.valid = map[string]bool{newSecretKey: true}
		if err := call(f, t.Context()); err != nil {
			t.Errorf("got %v", err)
		}
		if got := strings.Join(api.sent, ""); got != "119" {
			t.Errorf("the keys of the requests begin with %s, want 119", got)
		}
	}
}

// A key that is refused stops everything, until there is another one.
func TestANewKeyEndsTheDenial(t *testing.T) {
	api := &account{}
	keys := keyFiles(t)
	f := play(t, api.ServeHTTP, keys.source)
	for range 3 {
		if err := f.get(t.Context()); reconcile.ClassOf(err) != reconcile.Forbidden {
			t.Fatal(err)
		}
	}
	keys.write(t, newAccessKey, newSecretKey)
	api.valid = map[string]bool{newSecretKey: true}
	f.clock.Sleep(t.Context(), time.Second)
	if err := f.get(t.Context()); err != nil {
		t.Error(err)
	}
	if got := strings.Join(api.sent, ""); got != "19" {
		t.Errorf("the keys of the requests begin with %s, want 19", got)
	}
}

// While the source fails the old key goes on; the refusal says why there is no other.
func TestASourceThatFails(t *testing.T) {
	api := &account{valid: map[string]bool{secretKey: true}}
	keys := keyFiles(t)
	f := play(t, api.ServeHTTP, keys.source)
	for _, text := range []string{"", "half-of-a-k3y"} {
		keys.write(t, text, text)
		f.clock.Sleep(t.Context(), 2*time.Second)
		if err := f.get(t.Context()); err != nil {
			t.Errorf("with %q in the files: %v", text, err)
		}
	}
	api.valid = nil
	err := f.get(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the source of the key cannot be read: the access key is malformed") || strings.Contains(err.Error(), "half-of-a-k3y") {
		t.Errorf("got %v", err)
	}
}

// The profile's file is the source where the configuration is in it.
func TestTheProfileIsReadAgain(t *testing.T) {
	home := t.TempDir()
	profile := filepath.Join(home, "config.yaml")
	write := func(access, secret string) {
		if err := os.WriteFile(profile, []byte("access_key: "+access+"\nsecret_key: "+secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(accessKey, secretKey)
	api := &account{valid: map[string]bool{secretKey: true, newSecretKey: true}}
	f := play(t, api.ServeHTTP, func(o *scaleway.Options) {
		inner := o.Getenv
		o.Getenv = func(name string) string {
			switch name {
			case "SCW_CONFIG_PATH":
				return profile
			case "SCW_ACCESS_KEY", "SCW_SECRET_KEY":
				return ""
			}
			return inner(name)
		}
	})
	_ = f.get(t.Context())
	write(newAccessKey, newSecretKey)
	f.clock.Sleep(t.Context(), time.Second)
	_ = f.get(t.Context())
	if got := strings.Join(api.sent, ""); got != "19" {
		t.Errorf("the keys of the requests begin with %s, want 19", got)
	}
}

// What asks costs little: a source is not asked for each request.
func TestTheSourceIsAskedOnceASecond(t *testing.T) {
	var asked atomic.Int32
	api := &account{valid: map[string]bool{secretKey: true}}
	f := play(t, api.ServeHTTP, func(o *scaleway.Options) {
		o.Credentials = func(context.Context) (scaleway.Credentials, error) {
			asked.Add(1)
			return scaleway.Credentials{AccessKey: accessKey, SecretKey: reconcile.NewSecret(secretKey)}, nil
		}
	})
	for range 50 {
		_ = f.get(t.Context())
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("it was asked %d times for 50 requests at once", n)
	}
}

func TestNewFailsWithoutAKey(t *testing.T) {
	broken := errors.New("the vault is sealed")
	_, err := scaleway.New(t.Context(), scaleway.Options{
		Getenv: environment(nil), Home: t.TempDir(), Credentials: func(context.Context) (scaleway.Credentials, error) { return scaleway.Credentials{}, broken },
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestCredentialsArePrintedMasked(t *testing.T) {
	key := scaleway.Credentials{AccessKey: accessKey, SecretKey: reconcile.NewSecret(secretKey)}
	asJSON, _ := json.Marshal(key)
	for _, text := range []string{fmt.Sprint(key), fmt.Sprintf("%v %+v %#v %s %q", key, key, key, key, key), fmt.Sprintf("%+v", &key), string(asJSON)} {
		if strings.Contains(text, secretKey) {
			t.Errorf("%s", text)
		}
	}
}

func TestKeyExpires(t *testing.T) {
	asked := 0
	status, body := 200, `{"access_key":"`+accessKey+`","expires_at":"2026-12-01T00:00:00Z"}`
	keys := keyFiles(t)
	f := play(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/iam/v1alpha1/api-keys/"+accessKey || r.URL.Path == "/iam/v1alpha1/api-keys/"+newAccessKey {
			asked++
		}
		answer(w, status, body)
	}, keys.source)
	expect := func(want string, class reconcile.Class, times int) {
		t.Helper()
		at, err := f.KeyExpires(t.Context())
		if got := at.Format(time.DateOnly); got != want || reconcile.ClassOf(err) != class || asked != times {
			t.Errorf("got %s, %v after %d requests; want %s, %q after %d", got, err, asked, want, class, times)
		}
	}
	expect("2026-12-01", "", 1)
	f.clock.Sleep(t.Context(), 59*time.Minute)
	expect("2026-12-01", "", 1)
	body = `{"access_key":"` + accessKey + `","expires_at":null}`
	f.clock.Sleep(t.Context(), time.Minute)
	expect("0001-01-01", "", 2)
	keys.write(t, newAccessKey, newSecretKey)
	f.clock.Sleep(t.Context(), time.Second)
	expect("0001-01-01", "", 3)
	status, body = 403, `{"message":"insufficient permissions","type":"permissions_denied"}`
	f.clock.Sleep(t.Context(), time.Hour)
	expect("0001-01-01", reconcile.Forbidden, 4)
	expect("0001-01-01", reconcile.Forbidden, 4)
	status, body = 200, `{"access_key":"`+accessKey+`"}`
	f.clock.Sleep(t.Context(), time.Hour)
	expect("0001-01-01", "", 5)
}
