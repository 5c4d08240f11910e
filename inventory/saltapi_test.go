package inventory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

const saltPassword = `c4n4ry"&é<pass`

// saltMaster is a salt-api as far as it is used.
type saltMaster struct {
	t      *testing.T
	says   string // to refresh_pillar
	status int    // of that
	login  http.HandlerFunc
	asked  []string
}

func (m *saltMaster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json")
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		m.t.Errorf("%s %s of %s", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
	}
	if r.URL.Path == "/login" {
		if m.login != nil {
			m.login(w, r)
			return
		}
		var who map[string]string
		if json.Unmarshal(body, &who) != nil || who["username"] != "reconcile" || who["password"] != saltPassword {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"status":401,"return":"Could not authenticate %s"}`, who["password"])
			return
		}
		fmt.Fprintf(w, `{"return":[{"token":"t0ken-canary","expire":1,"user":"reconcile","eauth":%q,"perms":[".*"]}]}`, who["eauth"])
		return
	}
	m.asked = append(m.asked, r.Header.Get("X-Auth-Token")+" "+string(body))
	w.WriteHeader(m.status)
	fmt.Fprint(w, m.says)
}

func TestRefreshPillar(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	for name, c := range map[string]struct {
		says, password string
		status         int
		login          http.HandlerFunc
		amiss          string
		err            string
		class          reconcile.Class
	}{
		"all do":            {says: `{"return":[{"bm-1":true,"bm-2":true}]}`, amiss: "map[]"},
		"one is silent":     {says: `{"return":[{"bm-1":true}]}`, amiss: "map[bm-2:no answer]"},
		"none answers":      {says: `{"return":[{}]}`, amiss: "map[bm-1:no answer bm-2:no answer]"},
		"one cannot":        {says: `{"return":[{"bm-1":false,"bm-2":"Minion did not return. t0ken-canary"}]}`, amiss: `map[bm-1:it did not bm-2:"Minion did not return. (secret)"]`},
		"wrong password":    {password: "wr0ng-canary", err: "log in to salt-api as reconcile with eauth ldap: it refused (401): the login failed", class: reconcile.Forbidden},
		"not allowed":       {status: 401, says: `{"return":"Authorization error occurred."}`, err: "it refused (401)", class: reconcile.Forbidden},
		"it fails":          {status: 500, says: `<html>t0ken-canary</html>`, err: "it answered 500: <html>(secret)</html>", class: reconcile.Unavailable},
		"no answer of its":  {says: `{"return":["Authentication failure"]}`, err: "none of salt-api's", class: reconcile.Unavailable},
		"login without one": {login: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"return":[{}]}`) }, err: "it gave no token"},
		"a redirect": {login: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, err: "a redirect (307), which is not followed", class: reconcile.Invalid},
		"it hangs up": {login: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, err: "log in", class: reconcile.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			if c.status == 0 {
				c.status = 200
			}
			if c.password == "" {
				c.password = saltPassword
			}
			master := &saltMaster{t: t, says: c.says, status: c.status, login: c.login}
			server := httptest.NewServer(master)
			defer server.Close()
			api, err := inventory.NewSaltAPI(inventory.SaltOptions{URL: server.URL, User: "reconcile", Password: reconcile.NewSecret(c.password), Eauth: "ldap"})
			if err != nil {
				t.Fatal(err)
			}
			amiss, err := api.RefreshPillar(context.Background(), []string{"bm-1", "bm-2"})
			if text := fmt.Sprintf("%v %v %+v", amiss, err, api); strings.Contains(strings.ReplaceAll(text, "canary.example", ""), "canary") || strings.Contains(text, c.password) {
				t.Errorf("a secret is told: %s", text)
			}
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || reconcile.ClassOf(err) != c.class {
					t.Fatalf("got %v (%s), want %q (%s)", err, reconcile.ClassOf(err), c.err, c.class)
				}
				return
			}
			if err != nil || fmt.Sprint(amiss) != c.amiss {
				t.Errorf("got %v, %v; want %s", amiss, err, c.amiss)
			}
			want := `t0ken-canary [{"client":"local","fun":"saltutil.refresh_pillar","tgt":["bm-1","bm-2"],"tgt_type":"list"}]`
			if len(master.asked) != 1 || master.asked[0] != want {
				t.Errorf("asked %v", master.asked)
			}
		})
	}
}

func TestSaltAPIAddress(t *testing.T) {
	for address, want := range map[string]string{
		"https://salt.example.com:8000": "", "http://127.0.0.1:8000": "", "http://localhost": "", "http://[::1]:8000/": "", "https://salt.example.com/api": "",
		"http://salt.example.com": "in clear", "http://127.0.0.1.example.com": "in clear", "https://u:c4n4ry@salt": "leave the rest out", "salt.example.com": "malformed",
		"": "malformed", "ftp://salt": "malformed", "https://salt?x=c4n4ry": "leave the rest out", "http://c4n4ry host": "malformed",
	} {
		_, err := inventory.NewSaltAPI(inventory.SaltOptions{URL: address, User: "u", Password: reconcile.NewSecret("p")})
		if text := fmt.Sprint(err); (err == nil) != (want == "") || !strings.Contains(text, want) && err != nil || strings.Contains(text, "c4n4ry") {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
	if _, err := inventory.NewSaltAPI(inventory.SaltOptions{URL: "https://salt", User: "u"}); err == nil {
		t.Error("no password is needed")
	}
}
