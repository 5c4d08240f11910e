package simulator_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/scaleway/scaleway-sdk-go/api/secret/v1beta1"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

const (
	secretsAPI = "/secret-manager/v1beta1/regions/fr-par"
	secretsURL = secretsAPI + "/secrets"
)

// secret makes one, with further fields that begin with a comma.
func (s *sim) secret(name, more string) string {
	s.t.Helper()
	return s.do(200, "POST", secretsURL, `{"name":"`+name+`","project_id":"`+project+`"`+more+`}`)["id"].(string)
}

// version adds one, with further fields that begin with a comma.
func (s *sim) version(id, value, more string) doc {
	s.t.Helper()
	return s.do(200, "POST", secretsURL+"/"+id+"/versions", `{"data":"`+base64.StdEncoding.EncodeToString([]byte(value))+`"`+more+`}`)
}

// statuses are those of a secret's versions, the oldest first, with a star at the latest.
func (s *sim) statuses(id string) []string {
	s.t.Helper()
	var out []string
	for _, v := range s.do(200, "GET", secretsURL+"/"+id+"/versions", "")["versions"].([]any) {
		status := v.(doc)["status"].(string)
		if v.(doc)["latest"] == true {
			status += "*"
		}
		out = append(out, status)
	}
	slices.Reverse(out)
	return out
}

func TestSecretsAndTheirVersions(t *testing.T) {
	s := start(t, simulator.Options{})
	id := s.secret("database", `,"tags":["a","b"],"path":"/shop/"`)
	got := s.do(200, "GET", secretsURL+"/"+id, "")
	same(t, got, replace(`{"id":"`+id+`","project_id":"`+project+`","name":"database","status":"ready","created_at":"{created_at}","updated_at":"{updated_at}",
		"tags":["a","b"],"version_count":0,"description":"","managed":false,"type":"opaque","protected":false,"path":"/shop","ephemeral_policy":null,
		"used_by":[],"deletion_requested_at":null,"key_id":null,"region":"fr-par"}`, got))
	v := s.version(id, "first", `,"description":"d"`)
	same(t, v, replace(`{"revision":1,"secret_id":"`+id+`","status":"enabled","created_at":"{created_at}","updated_at":"{updated_at}","deleted_at":null,
		"description":"d","latest":true,"ephemeral_properties":null,"deletion_requested_at":null,"region":"fr-par"}`, v))
	s.version(id, "second", "")
	s.version(id, "third", `,"disable_previous":true`)
	shows(t, s.do(200, "GET", secretsURL+"/"+id, ""), `{"version_count":3}`)
	if got := s.statuses(id); !slices.Equal(got, []string{"enabled", "disabled", "enabled*"}) {
		t.Errorf("the versions are %v", got)
	}
	one := secretsURL + "/" + id + "/versions/"
	s.do(204, "DELETE", one+"3", "")
	shows(t, s.do(200, "GET", one+"latest", ""), `{"revision":3,"status":"scheduled_for_deletion"}`)
	shows(t, s.do(200, "GET", one+"latest_enabled", ""), `{"revision":1}`)
	shows(t, s.do(200, "GET", one+"latest_enabled/access", ""), `{"revision":1,"data":"Zmlyc3Q=","data_crc32":null,"type":"opaque","secret_id":"`+id+`"}`)
	shows(t, s.do(412, "GET", one+"2/access", ""), `{"type":"precondition_failed","help_message":"secret version is disabled"}`)
	shows(t, s.do(200, "POST", one+"2/enable", "{}"), `{"status":"enabled"}`)
	shows(t, s.do(200, "POST", one+"2/disable", "{}"), `{"status":"disabled"}`)
	shows(t, s.do(412, "POST", one+"3/enable", "{}"), `{"precondition":"scheduled_for_deletion"}`)
	shows(t, s.do(200, "POST", one+"3/restore", "{}"), `{"status":"enabled","deletion_requested_at":null}`)
	s.do(412, "POST", one+"3/restore", "{}")
	shows(t, s.do(200, "PATCH", one+"1", `{"description":"e","data":"eA=="}`), `{"description":"e","revision":1}`)
	shows(t, s.do(200, "GET", one+"1/access", ""), `{"data":"Zmlyc3Q="}`)
	shows(t, s.do(200, "GET", one[:len(one)-1]+"?status=disabled", ""), `{"total_count":1}`)
	shows(t, s.do(404, "GET", one+"9", ""), `{"type":"not_found","resource_id":"9"}`)
	s.do(404, "GET", one+"9/access", "")
	byPath := secretsAPI + "/secrets-by-path/versions/latest/access?project_id=" + project + "&secret_name=database&secret_path="
	shows(t, s.do(200, "GET", byPath+url.QueryEscape("/shop"), ""), `{"revision":3}`)
	s.do(404, "GET", byPath+"/", "")
}

func TestSecretsThatAreRefused(t *testing.T) {
	s := start(t, simulator.Options{})
	id := s.secret("database", "")
	other := s.secret("other", `,"protected":true`)
	s.secret("database", `,"path":"/elsewhere"`)
	taken := `{"details":[{"argument_name":"name","help_message":"cannot have same secret name in same path","reason":"format"}],"message":"invalid argument(s)","type":"invalid_arguments"}`
	same(t, s.do(400, "POST", secretsURL, `{"name":"database","project_id":"`+project+`","path":"/"}`), taken)
	same(t, s.do(400, "PATCH", secretsURL+"/"+other, `{"name":"database"}`), taken)
	same(t, s.do(412, "DELETE", secretsURL+"/"+other, ""), `{"help_message":"cannot delete a protected secret","message":"precondition is not respected","precondition":"protected_resource","type":"precondition_failed"}`)
	shows(t, s.do(200, "POST", secretsURL+"/"+other+"/unprotect", "{}"), `{"protected":false}`)
	shows(t, s.do(200, "POST", secretsURL+"/"+other+"/protect", "{}"), `{"protected":true}`)
	for _, body := range []string{
		`{}`, `{"name":"-x"}`, `{"name":"x","path":"x"}`, `{"name":"x","type":"y"}`, `{"name":"x","ephemeral_policy":1}`,
		`{"name":"` + strings.Repeat("x", 256) + `"}`, `{"name":"x","ephemeral_policy":{"time_to_live":"x"}}`,
	} {
		s.do(400, "POST", secretsURL, body)
	}
	for _, body := range []string{
		`{}`, `{"data":"%"}`, `{"data":"eA==","data_crc32":1}`, `{"data":"` + base64.StdEncoding.EncodeToString(make([]byte, 64<<10+1)) + `"}`,
	} {
		s.do(400, "POST", secretsURL+"/"+id+"/versions", body)
	}
	shows(t, s.version(id, "x", `,"data_crc32":2363233923`), `{"revision":1}`)
	shows(t, s.do(200, "GET", secretsURL+"/"+id+"/versions/1/access", ""), `{"data_crc32":2363233923}`)
	for _, path := range []string{"", "/versions", "/versions/1", "/versions/1/access"} {
		shows(t, s.do(404, "GET", secretsURL+"/"+token+path, ""), `{"type":"not_found"}`)
	}
	for _, path := range []string{"/protect", "/restore", "/versions", "/versions/1/enable"} {
		s.do(404, "POST", secretsURL+"/"+token+path, `{"data":"eA=="}`)
	}
	s.do(404, "GET", strings.Replace(secretsURL, "fr-par", "it-mil", 1), "")
}

func TestValuesHaveTheShapeOfTheirType(t *testing.T) {
	s := start(t, simulator.Options{})
	for i, test := range []struct{ sort, value, help string }{
		{"key_value", `{"a":"b"}`, ""},
		{"key_value", `{"a":"b","invalid":{}}`, "- invalid: Invalid type. Expected: string, given: object\n"},
		{"key_value", `[]`, "- (root): Invalid type. Expected: object, given: array\n"},
		{"key_value", `x`, "- (root): value must be JSON\n"},
		{"basic_credentials", `{"username":"u","password":"p"}`, ""},
		{"basic_credentials", `{"username":1}`, "- (root): password is required\n- username: Invalid type. Expected: string, given: number\n"},
		{"ssh_key", `{}`, "- (root): ssh_private_key is required\n"},
		{"certificate", `x`, ""},
		{"unknown_type", `x`, ""},
	} {
		id := s.secret(fmt.Sprintf("s%d", i), `,"type":"`+test.sort+`"`)
		if test.help == "" {
			s.version(id, test.value, "")
			continue
		}
		d := s.do(400, "POST", secretsURL+"/"+id+"/versions", `{"data":"`+base64.StdEncoding.EncodeToString([]byte(test.value))+`"}`)
		if got := d["details"].([]any)[0].(doc)["help_message"]; got != test.help {
			t.Errorf("%s %s: %q, want %q", test.sort, test.value, got, test.help)
		}
	}
}

// A deleted secret is hidden, can be restored for seven days, and its name is free.
func TestSecretsAreDeletedSoftly(t *testing.T) {
	s := start(t, simulator.Options{})
	id := s.secret("database", "")
	s.version(id, "a", "")
	s.version(id, "b", `,"disable_previous":true`)
	s.do(204, "DELETE", secretsURL+"/"+id+"/versions/1", "")
	s.Advance(time.Hour)
	s.do(204, "DELETE", secretsURL+"/"+id, "")
	s.do(204, "DELETE", secretsURL+"/"+id, "")
	for query, want := range map[string]float64{"": 0, "?scheduled_for_deletion=false": 0, "?scheduled_for_deletion=true": 1} {
		if got := s.do(200, "GET", secretsURL+query, "")["total_count"]; got != want {
			t.Errorf("%q shows %v, want %v", query, got, want)
		}
	}
	if d := s.do(200, "GET", secretsURL+"/"+id, ""); d["deletion_requested_at"] != d["updated_at"] {
		t.Errorf("deleted at %v, changed at %v", d["deletion_requested_at"], d["updated_at"])
	}
	s.do(412, "GET", secretsURL+"/"+id+"/versions/2/access", "")
	for _, call := range [][2]string{{"PATCH", ""}, {"POST", "/versions"}, {"POST", "/protect"}} {
		shows(t, s.do(412, call[0], secretsURL+"/"+id+call[1], `{"data":"eA=="}`), `{"precondition":"scheduled_for_deletion"}`)
	}
	again := s.secret("database", "")
	s.do(400, "POST", secretsURL+"/"+id+"/restore", "{}")
	s.do(204, "DELETE", secretsURL+"/"+again, "")
	shows(t, s.do(200, "POST", secretsURL+"/"+id+"/restore", "{}"), `{"deletion_requested_at":null}`)
	s.do(412, "POST", secretsURL+"/"+id+"/restore", "{}")
	if got := s.statuses(id); !slices.Equal(got, []string{"scheduled_for_deletion", "enabled*"}) {
		t.Errorf("restored, the versions are %v", got)
	}
	s.Advance(7 * 24 * time.Hour)
	s.do(404, "GET", secretsURL+"/"+again, "")
	if got := s.statuses(id); !slices.Equal(got, []string{"enabled*"}) {
		t.Errorf("a week later the versions are %v", got)
	}
	shows(t, s.version(id, "c", ""), `{"revision":3}`)
}

func TestEphemeralSecrets(t *testing.T) {
	s := start(t, simulator.Options{})
	disabled := s.secret("a", `,"ephemeral_policy":{"time_to_live":"60.000000000s","expires_once_accessed":false,"action":"disable"}`)
	deleted := s.secret("b", `,"ephemeral_policy":{"time_to_live":"60s","action":"delete"}`)
	v := s.version(disabled, "x", "")
	shows(t, v["ephemeral_properties"].(doc), `{"action":"disable","expires_once_accessed":false}`)
	s.version(deleted, "x", "")
	s.Advance(59 * time.Second)
	s.version(disabled, "y", "")
	s.do(200, "GET", secretsURL+"/"+deleted+"/versions/1", "")
	s.Advance(time.Second)
	s.do(404, "GET", secretsURL+"/"+deleted+"/versions/1", "")
	if got := s.statuses(disabled); !slices.Equal(got, []string{"disabled", "enabled*"}) {
		t.Errorf("the versions are %v", got)
	}
	shows(t, s.do(200, "GET", secretsURL+"?ephemeral=true&order_by=name_desc", ""), `{"total_count":2}`)
	s.do(204, "DELETE", secretsURL+"/"+disabled, "")
	shows(t, s.do(404, "GET", secretsURL+"/"+disabled, ""), `{"resource":"secret"}`)
	s.do(404, "GET", secretsURL+"/"+disabled+"/versions/1", "")
}

func TestSecretsAreListedByFolderTagAndType(t *testing.T) {
	s := start(t, simulator.Options{})
	s.secret("b", `,"path":"/shop","tags":["x","y"]`)
	s.secret("a", `,"path":"/shop/db","tags":["x"],"type":"key_value"`)
	s.secret("c", `,"path":"/shop/db"`)
	s.secret("d", `,"path":"/shopping"`)
	for query, want := range map[string]float64{
		"tags=x": 2, "tags=x&tags=y": 1, "path=/shop/": 1, "path=/shop/db": 2, "type=key_value": 1, "type=unknown_type": 4,
		"name=a": 1, "name=A": 0, "ephemeral=false": 4, "project_id=" + token: 0, "organization_id=" + organization: 4,
	} {
		if got := s.do(200, "GET", secretsURL+"?"+query, "")["total_count"]; got != want {
			t.Errorf("%q shows %v, want %v", query, got, want)
		}
	}
	names := func(query string) string {
		var out []string
		d := s.do(200, "GET", secretsURL+"/browse?project_id="+project+query, "")
		for _, item := range d["items"].([]any) {
			name := item.(doc)["name"].(string)
			if item.(doc)["folder"] != nil {
				name += "/"
			}
			out = append(out, name)
		}
		return d["current_path"].(string) + " " + strings.Join(out, " ")
	}
	for query, want := range map[string]string{
		"": "/ shop/ shopping/", "&prefix=/shop": "/shop b db/", "&prefix=/shop/db/": "/shop/db a c", "&prefix=/shop/db&order_by=name_desc": "/shop/db c a",
		"&prefix=/shop&tags=y": "/shop b", "&type=key_value": "/ shop/", "&prefix=/shop&page_size=1&page=2": "/shop db/",
	} {
		if got := names(query); got != want {
			t.Errorf("browsing %q shows %q, want %q", query, got, want)
		}
	}
	same(t, s.do(200, "GET", secretsAPI+"/tags?project_id="+project, ""), `{"tags":["x","y"],"total_count":2}`)
	same(t, s.do(200, "GET", secretsAPI+"/secret-types?project_id="+project, ""), `{"types":["key_value","opaque"],"total_count":2}`)
}

// To list secrets, to read their values and to change them are different permissions.
func TestWhoMayReadValues(t *testing.T) {
	s := start(t, simulator.Options{})
	id := s.secret("database", "")
	s.version(id, "x", "")
	access := secretsURL + "/" + id + "/versions/1/access"
	byPath := secretsAPI + "/secrets-by-path/versions/1/access?secret_path=/&secret_name=database&project_id=" + project
	for set, want := range map[string][3]int{ // list, access, delete
		"SecretManagerReadOnly": {200, 403, 403}, "SecretManagerSecretAccess": {403, 200, 403}, "SecretManagerFullAccess": {200, 200, 412},
		"AllProductsReadOnly": {200, 403, 403}, "AllProductsFullAccess": {200, 200, 412}, "ContainersFullAccess": {403, 403, 403},
	} {
		s.do(200, "POST", secretsURL+"/"+id+"/protect", "{}")
		s.AddKey(simulator.Key{Secret: applicationID, Permissions: []string{set}})
		s.token = applicationID
		s.do(want[0], "GET", secretsURL+"/"+id+"/versions", "")
		s.do(want[1], "GET", access, "")
		s.do(want[1], "GET", byPath, "")
		s.do(want[2], "DELETE", secretsURL+"/"+id, "")
		s.token = token
	}
}

// Values can be read again after a restart: they are in the state file as they
// are, and in no answer but that of access.
func TestValuesAreKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sim.json")
	s := start(t, simulator.Options{StateFile: file})
	id := s.secret("database", "")
	s.version(id, "canary", "")
	s.do(204, "DELETE", secretsURL+"/"+id+"/versions/1", "")
	for _, path := range []string{"", "/versions", "/versions/1"} {
		_, raw, err := s.send("GET", secretsURL+"/"+id+path, "")
		if err != nil || strings.Contains(string(raw), "Y2FuYXJ5") || strings.Contains(string(raw), `"data"`) {
			t.Errorf("%s shows %s, %v", path, raw, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := start(t, simulator.Options{StateFile: file})
	again.do(200, "POST", secretsURL+"/"+id+"/versions/1/restore", "{}")
	shows(t, again.do(200, "GET", secretsURL+"/"+id+"/versions/latest/access", ""), `{"data":"Y2FuYXJ5"}`)
	again.do(200, "POST", secretsURL+"/"+id+"/versions", `{"data":"eA=="}`)
	again.do(204, "PUT", "/_sim/state", `{"resources":[
		{"kind":"secret","place":"fr-par","id":"`+token+`","fields":{"name":"by-hand","project_id":"`+project+`"}},
		{"kind":"secret_version","place":"fr-par","fields":{"secret_id":"`+token+`","data":"eA=="}}]}`)
	shows(t, again.do(200, "GET", secretsURL+"/"+token+"/versions/latest_enabled/access", ""), `{"data":"eA==","revision":1}`)
	shows(t, again.version(token, "y", ""), `{"revision":2}`)
}

func TestSDKManagesSecrets(t *testing.T) {
	s := start(t, simulator.Options{})
	api := sdk.NewAPI(s.client())
	one := must[*sdk.Secret](t)(api.CreateSecret(&sdk.CreateSecretRequest{Name: "database", Type: sdk.SecretTypeKeyValue}))
	for _, value := range []string{`{"a":"1"}`, `{"a":"2"}`} {
		must[*sdk.SecretVersion](t)(api.CreateSecretVersion(&sdk.CreateSecretVersionRequest{SecretID: one.ID, Data: []byte(value)}))
		s.Advance(time.Second)
	}
	read := must[*sdk.AccessSecretVersionResponse](t)(api.AccessSecretVersionByPath(&sdk.AccessSecretVersionByPathRequest{
		Revision: "latest_enabled", SecretPath: "/", SecretName: "database", ProjectID: project,
	}))
	if string(read.Data) != `{"a":"2"}` || read.Type != sdk.SecretTypeKeyValue || read.Revision != 2 {
		t.Errorf("read %+v", read)
	}
	folders := must[*sdk.BrowseSecretsResponse](t)(api.BrowseSecrets(&sdk.BrowseSecretsRequest{Prefix: "/"}))
	if folders.TotalCount != 1 || folders.Items[0].Secret == nil || folders.Items[0].Secret.VersionCount != 2 {
		t.Errorf("browsed %+v", folders)
	}
	if err := api.AddSecretOwner(&sdk.AddSecretOwnerRequest{SecretID: one.ID, Product: sdk.ProductEdgeServices}); err != nil {
		t.Error(err)
	}
	if err := api.DeleteSecret(&sdk.DeleteSecretRequest{SecretID: one.ID}); err != nil {
		t.Error(err)
	}
	left := must[*sdk.ListSecretsResponse](t)(api.ListSecrets(&sdk.ListSecretsRequest{}))
	if left.TotalCount != 0 {
		t.Errorf("left are %d", left.TotalCount)
	}
}
