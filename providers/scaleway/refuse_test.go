package scaleway_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/scaleway/scaleway-sdk-go/api/container/v1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// refusals are answers as they were recorded or documented, and what they mean.
var refusals = []struct {
	name   string
	status int
	body   string
	class  reconcile.Class
	says   string
}{
	{"container not found", 404, `{"message":"resource is not found","resource":"container","resource_id":"c1","type":"not_found"}`, reconcile.NotFound, "there is no container c1"},
	{"server not found", 404, `{"message":"Not Found"}`, reconcile.NotFound, "Not Found"},
	{"registry not found", 404, `{"message":"Namespace was not found"}`, reconcile.NotFound, ""},
	{"job not found", 404, `{"message":"job definition is not found"}`, reconcile.NotFound, ""},
	{"route not found", 404, `{"message":"resource is not found","resource":"unknown","resource_id":"","type":"not_found"}`, reconcile.NotFound, ""},
	{"no custom partitioning", 404, `{"message":"Custom Partitioning not supported"}`, reconcile.NotFound, ""},
	{"invalid argument", 400, `{"details":[{"argument_name":"data","help_message":"too long","reason":"format"}],"message":"invalid argument(s)","type":"invalid_arguments"}`, reconcile.Invalid, "data is wrongly formed. too long"},
	{"constraint", 400, `{"details":[{"argument_name":"endpoints.private_network","help_message":"You must specify an ipam_config or a service_ips","reason":"constraint"}],"message":"invalid argument(s)","type":"invalid_arguments"}`, reconcile.Invalid, "You must specify"},
	{"required", 400, `{"details":[{"argument_name":"name","reason":"required"}],"message":"invalid argument(s)","type":"invalid_arguments"}`, reconcile.Invalid, "name is required."},
	{"secret of the same name", 400, `{"details":[{"argument_name":"name","help_message":"cannot have same secret name in same path","reason":"format"}],"message":"invalid argument(s)","type":"invalid_arguments"}`, reconcile.Conflict, ""},
	{"not delivered", 400, `{"message":"Server is not delivered"}`, reconcile.Busy, ""},
	{"other 400", 400, `{"message":"nope"}`, reconcile.Invalid, "nope"},
	{"no such key", 401, `{"message":"authentication is denied","method":"api_key","reason":"not_found","type":"denied_authentication"}`, reconcile.Forbidden, "there is no such API key"},
	{"expired key", 401, `{"message":"authentication is denied","method":"api_key","reason":"expired","type":"denied_authentication"}`, reconcile.Forbidden, "the API key has expired"},
	{"expired key, since", 401, `{"message":"authentication is denied","method":"api_key","reason":"expired","expired_since":"2026-11-20","type":"denied_authentication"}`, reconcile.Forbidden, "2026-11-20"},
	{"no permission", 403, `{"details":[{"action":"read","resource":"api_key"}],"message":"insufficient permissions","type":"permissions_denied"}`, reconcile.Forbidden, "read api_key"},
	{"job runs", 403, `{"message":"one or more job runs are still running"}`, reconcile.Busy, ""},
	{"root zone", 403, `{"message":"root zone can't be deleted"}`, reconcile.Invalid, ""},
	{"other 403", 403, `{"message":"no"}`, reconcile.Forbidden, ""},
	{"quota", 403, `{"type":"quotas_exceeded","message":"quota","details":[{"resource":"containers","quota":5,"current":5}]}`, reconcile.Quota, "containers: 5 of 5 are in use"},
	{"out of stock", 403, `{"type":"out_of_stock","resource":"EM-A210R"}`, reconcile.OutOfStock, "EM-A210R is out of stock"},
	{"transient state", 409, `{"current_state":"updating","message":"resource is in a transient state","resource":"container","resource_id":"c1","type":"transient_state"}`, reconcile.Busy, "the container is updating"},
	{"exists", 409, `{"help_message":"used","message":"resource already exists","resource":"MnqSQSNamespace","resource_id":"1","type":"already_exists"}`, reconcile.Conflict, "already exists"},
	{"tuple", 409, `{"message":"Tuple concurrently updated"}`, reconcile.Busy, ""},
	{"other 409", 409, `{"message":"conflict"}`, reconcile.Conflict, ""},
	{"expired resource", 410, `{"type":"resource_expired","resource":"x","resource_id":"1","expired_since":"2026-01-01T00:00:00Z"}`, reconcile.NotFound, ""},
	{"in use", 412, `{"type":"precondition_failed","precondition":"resource_still_in_use","help_message":"attached"}`, reconcile.Busy, "attached"},
	{"protected", 412, `{"help_message":"cannot delete a protected secret","message":"precondition is not respected","precondition":"protected_resource","type":"precondition_failed"}`, reconcile.Conflict, "cannot delete a protected secret"},
	{"locked", 423, `{"type":"locked","resource":"container","resource_id":"1"}`, reconcile.Conflict, ""},
	{"rate", 429, ``, reconcile.RateLimited, "429"},
	{"cloud-init", 503, `{"message":"cloud-init is not supported on this offer"}`, reconcile.Invalid, "cloud-init"},
	{"500", 500, `{"message":"internal"}`, reconcile.Unavailable, "internal"},
	{"502 page", 502, `<html>bad gateway</html>`, reconcile.Unavailable, "502"},
	{"503", 503, `{"message":"try again later"}`, reconcile.Unavailable, ""},
	{"404 page of a proxy", 404, `<html>not found</html>`, reconcile.Unavailable, ""},
	{"404 without a body", 404, ``, reconcile.Unavailable, ""},
	{"broken JSON", 400, `{"message":`, reconcile.Unavailable, ""},
	{"redirect", 302, ``, reconcile.Unavailable, "sends elsewhere"},
}

func refuse(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if body == "" || strings.HasPrefix(body, "<") {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Location", "http://elsewhere.invalid/")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return
		}
		answer(w, status, body)
	}
}

func TestRefusalsHaveAClass(t *testing.T) {
	for _, want := range refusals {
		t.Run(want.name, func(t *testing.T) {
			f := play(t, refuse(want.status, want.body))
			err := f.get(t.Context())
			got := scaleway.Classify(err)
			if got == nil || got.Class != want.class {
				t.Fatalf("the class is %v, want %s", got, want.class)
			}
			if !strings.Contains(got.Message, want.says) {
				t.Errorf("it says %q, want %q in it", got.Message, want.says)
			}
			if strings.HasPrefix(want.body, "{") && want.body != `{"message":` && got.RequestID != "06840207-b134" {
				t.Errorf("the request is %q", got.RequestID)
			}
			if reconcile.ClassOf(err) != want.class {
				t.Error("the class is not found in the error itself")
			}
		})
	}
}

// A client without this package's transport gives the SDK's own errors.
func TestTheSDKsErrorsHaveAClass(t *testing.T) {
	for _, want := range refusals {
		t.Run(want.name, func(t *testing.T) {
			server := httptest.NewServer(refuse(want.status, want.body))
			defer server.Close()
			client, err := scw.NewClient(scw.WithAPIURL(server.URL), scw.WithAuth(accessKey, secretKey), scw.WithHTTPClient(unfollowing()))
			if err != nil {
				t.Fatal(err)
			}
			_, err = sdk.NewAPI(client).GetNamespace(&sdk.GetNamespaceRequest{Region: "fr-par", NamespaceID: "x"})
			class := want.class
			if want.name == "broken JSON" { // there the SDK keeps neither status nor body
				class = reconcile.Ambiguous
			}
			if got := scaleway.Classify(err); got == nil || got.Class != class {
				t.Errorf("%v has the class %v, want %s", err, got, class)
			}
		})
	}
}

func unfollowing() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func TestACreationThatFailedMayHaveHappened(t *testing.T) {
	for _, status := range []int{500, 502, 503, 504} {
		f := play(t, refuse(status, `{"message":"internal"}`))
		if class := scaleway.Classify(f.create(t.Context())).Class; class != reconcile.Ambiguous {
			t.Errorf("a POST that is answered with %d is %s", status, class)
		}
	}
}

func TestClassifyKeepsWhatIsKnown(t *testing.T) {
	known := &reconcile.Error{Class: reconcile.Busy}
	if got := scaleway.Classify(fmt.Errorf("update: %w", known)); got != known {
		t.Errorf("got %v", got)
	}
	if scaleway.Classify(nil) != nil {
		t.Error("no error has a class")
	}
	if got := scaleway.Classify(errors.New("odd")); got.Class != reconcile.Ambiguous {
		t.Errorf("an error of unknown origin is %s", got.Class)
	}
}
