package simulator_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

// FuzzBodies: whatever is sent, the answer is a JSON object and nothing panics,
// and what was stored can be read, updated, saved and loaded.
func FuzzBodies(f *testing.F) {
	f.Add(`{"name":"a","namespace_id":"` + token + `","image":"i","liveness_probe":{"http":{"path":"/"}}}`)
	f.Add(`{"scaling_option":{"cpu_usage_threshold":1},"timeout":"1.5s","secret_environment_variables":{"A":"","B":"x"}}`)
	f.Add(`{"container_id":"` + token + `","name":"n","cron_config":{"schedule":"* * * * *","headers":{}}}`)
	f.Add(`{"application_id":"` + token + `","expires_at":"2035-07-06T11:00:00+02:00","public_key":"ssh-rsa AAAA"}`)
	f.Add(`{"name":"s","path":"/a/","ephemeral_policy":{"time_to_live":"1s","action":"delete"},"data":"eA==","disable_previous":true}`)
	f.Add(`[1]`)
	f.Fuzz(func(t *testing.T, body string) {
		s := open(t, simulator.Options{Clock: "virtual", CheapHashes: true})
		send := func(method, path, body string) []byte {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("X-Auth-Token", token)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if raw := w.Body.Bytes(); w.Code != 204 && (raw[0] != '{' || !json.Valid(raw)) {
				t.Fatalf("%s %s: %d %q", method, path, w.Code, raw)
			}
			return w.Body.Bytes()
		}
		send("PUT", "/_sim/state", `{"resources":[
			{"kind":"namespace","place":"fr-par","id":"`+token+`","fields":{"name":"n","project_id":"`+project+`"}},
			{"kind":"container","place":"fr-par","id":"`+token+`","fields":{"name":"c","namespace_id":"`+token+`","image":"i"}},
			{"kind":"secret","place":"fr-par","id":"`+token+`","fields":{"name":"s","project_id":"`+project+`"}},
			{"kind":"secret_version","place":"fr-par","fields":{"secret_id":"`+token+`","data":"eA=="}}]}`)
		send("PATCH", secretsURL+"/"+token+"/versions/1", body)
		for _, list := range []string{
			region + "/containers", region + "/triggers", region + "/domains", region + "/namespaces",
			"/account/v3/projects", "/iam/v1alpha1/api-keys", "/iam/v1alpha1/ssh-keys",
			secretsURL, secretsURL + "/" + token + "/versions",
		} {
			send("POST", list, body)
			send("PATCH", list+"/"+token, body)
			send("GET", list, "")
		}
		state := string(send("GET", "/_sim/state", ""))
		send("PUT", "/_sim/state", state)
		if again := string(send("GET", "/_sim/state", "")); again != state {
			t.Errorf("the state became\n%s\nfrom\n%s", again, state)
		}
	})
}
