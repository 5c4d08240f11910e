package simulator_test

import (
	"fmt"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

const applicationID = "33333333-3333-4333-8333-333333333333"

func TestAPIKeys(t *testing.T) {
	s := start(t, simulator.Options{})
	d := s.do(200, "POST", "/iam/v1alpha1/api-keys", `{"application_id":"`+applicationID+`","description":"d","expires_at":"2035-07-06T11:00:00+02:00"}`)
	key, secret := d["access_key"].(string), d["secret_key"].(string)
	if len(key) != 20 || key[:3] != "SCW" || len(secret) != 36 {
		t.Fatalf("key %q, secret %q", key, secret)
	}
	path := "/iam/v1alpha1/api-keys/" + key
	got := s.do(200, "GET", path, "")
	same(t, got, replace(`{"access_key":"`+key+`","secret_key":null,"application_id":"`+applicationID+`","description":"d",
		"created_at":"{created_at}","updated_at":"{updated_at}","expires_at":"2035-07-06T09:00:00Z",
		"default_project_id":"`+project+`","editable":true,"deletable":true,"managed":false,"creation_ip":"127.0.0.1"}`, got))
	for query, want := range map[string]float64{
		"": 2, "bearer_type=unknown_bearer_type": 2, "bearer_type=application": 1, "bearer_type=user": 1, "description=d": 1,
		"bearer_id=" + applicationID: 1, "access_keys=" + key: 1, "access_key=" + token: 0, "editable=false": 0,
	} {
		if got := s.do(200, "GET", "/iam/v1alpha1/api-keys?"+query, "")["total_count"]; got != want {
			t.Errorf("%q: %v keys, want %v", query, got, want)
		}
	}
	s.token = secret
	shows(t, s.do(200, "PATCH", path, `{"description":"e"}`), `{"description":"e","secret_key":null}`)
	s.do(204, "DELETE", path, "")
	same(t, s.do(401, "GET", path, ""), `{"message":"authentication is denied","method":"api_key","reason":"not_found","type":"denied_authentication"}`)
	s.token = token
	same(t, s.do(404, "GET", path, ""), `{"message":"resource is not found","resource":"access_key","resource_id":"`+key+`","type":"not_found"}`)
	s.do(400, "POST", "/iam/v1alpha1/api-keys", `{"description":"d"}`)
}

func TestKeysExpire(t *testing.T) {
	s := start(t, simulator.Options{})
	end := s.Now().Add(time.Minute).Format(time.RFC3339Nano)
	d := s.do(200, "POST", "/iam/v1alpha1/api-keys", `{"application_id":"`+applicationID+`","expires_at":"`+end+`"}`)
	s.token = d["secret_key"].(string)
	s.do(200, "GET", region+"/namespaces", "")
	s.Advance(time.Minute)
	shows(t, s.do(401, "GET", region+"/namespaces", ""), `{"reason":"expired"}`)
	s.token = token
	for query, want := range map[string]float64{"expired=true": 1, "expired=false": 1, "": 2} {
		if got := s.do(200, "GET", "/iam/v1alpha1/api-keys?"+query, "")["total_count"]; got != want {
			t.Errorf("%q: %v keys, want %v", query, got, want)
		}
	}
}

func TestWhatSecretsMayDo(t *testing.T) {
	s := start(t, simulator.Options{})
	secret := func(n int) string { return fmt.Sprintf("44444444-4444-4444-8444-44444444444%d", n) }
	s.do(204, "PUT", "/_sim/state", `{"keys":[{"secret":"`+secret(1)+`","read_only":true},{"secret":"`+secret(2)+`","expired":true}]}`)
	s.AddKey(simulator.Key{Secret: secret(3), Revoked: true})
	s.AddKey(simulator.Key{Secret: secret(4), ReadOnly: true})
	s.AddKey(simulator.Key{Secret: secret(4)})
	for _, tt := range []struct {
		token       string
		read, write int
		want        string
	}{
		{secret(1), 200, 403, `{"details":[{"action":"write","resource":"namespace"}],"type":"permissions_denied"}`},
		{secret(2), 401, 401, `{"reason":"expired"}`},
		{secret(3), 401, 401, `{"reason":"not_found"}`},
		{secret(4), 200, 200, `{"name":"a"}`},
		{secret(5), 200, 200, `{"name":"a"}`},
		{"", 401, 401, `{"reason":"invalid_argument"}`},
		{"secret", 401, 401, `{"reason":"invalid_argument"}`},
	} {
		s.token = tt.token
		s.do(tt.read, "GET", region+"/namespaces", "")
		shows(t, s.do(tt.write, "POST", region+"/namespaces", `{"name":"a"}`), tt.want)
	}
	s.token = ""
	s.do(200, "GET", "/metadata", "")
}

// Permission sets allow what they are for, in reading or in all.
func TestPermissionSets(t *testing.T) {
	s := start(t, simulator.Options{})
	const secret = "55555555-5555-4555-8555-555555555555"
	for _, tt := range []struct {
		sets                                []string
		containers, make, ssh, iam, project int
	}{
		{nil, 200, 200, 200, 200, 200},
		{[]string{"ContainersFullAccess"}, 200, 200, 403, 403, 403},
		{[]string{"ContainersReadOnly"}, 200, 403, 403, 403, 403},
		{[]string{"ContainersReadOnly", "IAMReadOnly", "ProjectReadOnly"}, 200, 403, 403, 200, 200},
		{[]string{"AllProductsReadOnly"}, 200, 403, 200, 403, 403},
		{[]string{"SSHKeysReadOnly", "NoSuchSet"}, 403, 403, 200, 403, 403},
	} {
		s.token = token
		s.AddKey(simulator.Key{Secret: secret, Permissions: tt.sets})
		s.token = secret
		s.do(tt.containers, "GET", region+"/namespaces", "")
		d := s.do(tt.make, "POST", region+"/namespaces", `{"name":"a"}`)
		if tt.make == 403 {
			same(t, d, `{"details":[{"action":"write","resource":"namespace"}],"message":"insufficient permissions","type":"permissions_denied"}`)
		}
		s.do(tt.ssh, "GET", "/iam/v1alpha1/ssh-keys", "")
		s.do(tt.iam, "GET", "/iam/v1alpha1/api-keys", "")
		s.do(tt.project, "GET", "/account/v3/projects", "")
	}
}

// A new key works at once and an old one ends at once: so keys are rotated.
func TestKeysAreRotated(t *testing.T) {
	s := start(t, simulator.Options{})
	issue := func() (path, secret string) {
		d := s.do(200, "POST", "/iam/v1alpha1/api-keys", `{"application_id":"`+applicationID+`"}`)
		return "/iam/v1alpha1/api-keys/" + d["access_key"].(string), d["secret_key"].(string)
	}
	first, old := issue()
	_, fresh := issue()
	for _, secret := range []string{old, fresh} {
		s.token = secret
		s.do(200, "GET", region+"/namespaces", "")
	}
	s.do(204, "DELETE", first, "")
	s.do(200, "GET", region+"/namespaces", "")
	s.token = old
	s.do(401, "GET", region+"/namespaces", "")
}
