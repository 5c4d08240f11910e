package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// rotation gives the program ever new API keys of the simulator, in files.
type rotation struct {
	*stage
	folder string
	key    string // access key that is in the files
	made   int
}

func newRotation(t *testing.T) *rotation {
	t.Helper()
	r := &rotation{stage: setUp(t, container.Kinds), folder: t.TempDir()}
	r.renew()
	r.keys = func(context.Context) (scaleway.Credentials, error) {
		access, err := os.ReadFile(filepath.Join(r.folder, "access-key"))
		secret, err2 := os.ReadFile(filepath.Join(r.folder, "secret-key"))
		return scaleway.Credentials{AccessKey: string(access), SecretKey: reconcile.NewSecret(string(secret))}, errors.Join(err, err2)
	}
	r.begin()
	return r
}

// renew puts a new key into the files and returns the one before, which still works.
func (r *rotation) renew() (before string) {
	r.Helper()
	var key struct {
		AccessKey string `json:"access_key"`
		SecretKey string `json:"secret_key"`
	}
	if err := json.Unmarshal(r.api(http.MethodPost, "", `{"user_id":"11111111-1111-4111-8111-000000000004"}`), &key); err != nil {
		r.Fatal(err)
	}
	for name, text := range map[string]string{"access-key": key.AccessKey, "secret-key": key.SecretKey} {
		name = filepath.Join(r.folder, name)
		if err := errors.Join(os.WriteFile(name+".new", []byte(text), 0o600), os.Rename(name+".new", name)); err != nil {
			r.Fatal(err)
		}
	}
	r.made++
	before, r.key = r.key, key.AccessKey
	return before
}

// api is a request of the key's owner.
func (r *rotation) api(method, path, body string) []byte {
	r.Helper()
	req := httptest.NewRequest(method, "/iam/v1alpha1/api-keys"+path, strings.NewReader(body))
	req.Header.Set("X-Auth-Token", "11111111-1111-4111-8111-000000000003")
	w := httptest.NewRecorder()
	r.sim.ServeHTTP(w, req)
	if w.Code >= 300 {
		r.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

func (r *rotation) end(key string) { r.api(http.MethodDelete, "/"+key, "") }

// R12: a stack of 50 containers is applied while the API key is rotated again and
// again. Where old and new are valid together no call is refused; where the old
// one ends at once the refused calls are sent again, and no step fails.
func TestKeysAreRotatedDuringARun(t *testing.T) {
	t.Parallel()
	for _, together := range []bool{true, false} {
		r := newRotation(t)
		var mu sync.Mutex
		done, doomed, renewed := 0, "", time.Time{}
		r.wires.bend(func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			mu.Lock()
			defer mu.Unlock()
			if doomed != "" && r.sim.Now().Sub(renewed) > 2*time.Second {
				r.end(doomed)
				doomed = ""
			}
			if err != nil || !writes(req) || resp.StatusCode >= 300 {
				return resp, err
			}
			if done++; done%10 == 0 && doomed == "" {
				doomed, renewed = r.renew(), r.sim.Now()
				if !together {
					r.end(doomed)
					doomed = ""
				}
			}
			return resp, err
		})
		manifests, _ := many(50)
		r.must(manifests)
		r.once(manifests)
		refused := uint64(0)
		for outcome, n := range r.client.Stats().Requests {
			if outcome.Class == reconcile.Forbidden {
				refused += n
			}
		}
		if r.made < 3 || together && refused > 0 || !together && refused == 0 {
			t.Errorf("%d keys, valid together %v: %d calls were refused", r.made, together, refused)
		}
		t.Logf("R12: %d keys during one run, valid together %v: %d calls refused, 0 steps failed", r.made, together, refused)
	}
}
