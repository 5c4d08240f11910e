package scaleway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A refusal is an error together with what the transport's decorators need to
// know of the answer. Outside, the *reconcile.Error in it is found by errors.As.
type refusal struct {
	err    *reconcile.Error
	status int
	after  time.Duration // the API asks to wait so long
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// answer is what came back.
type answer struct {
	method string
	status int
	header http.Header
	body   []byte
}

// words are what bodies of errors hold; each API uses some of them.
type words struct {
	Type         string              `json:"type"`
	Message      string              `json:"message"`
	Resource     string              `json:"resource"`
	ResourceID   string              `json:"resource_id"`
	State        string              `json:"current_state"`
	Reason       string              `json:"reason"`
	Precondition string              `json:"precondition"`
	Help         string              `json:"help_message"`
	ExpiredSince string              `json:"expired_since"`
	Fields       map[string][]string `json:"fields"`
	Details      []struct {
		Argument string `json:"argument_name"`
		Reason   string `json:"reason"`
		Help     string `json:"help_message"`
		Action   string `json:"action"`
		Resource string `json:"resource"`
		Quota    int64  `json:"quota"`
		Held     int64  `json:"current"`
	} `json:"details"`
}

// A rule gives the class of answers with this type, status and words; what is
// empty fits all.
type rule struct {
	kind   string // the body's type
	status int
	says   string // in any of the body's words, lower case
	class  reconcile.Class
	fix    string
}

// What to do about refusals that are not about the request itself.
const (
	newKey    = "make a new API key in the console under IAM, and set SCW_ACCESS_KEY and SCW_SECRET_KEY"
	permit    = "give the API key's owner the permission, in this project"
	moreQuota = "ask Scaleway for a higher quota, or use fewer"
)

// rules are tried from the top. The first part goes by the type that most APIs
// name, the second by words where a status means more than one thing, the third
// by status alone. Recorded answers stand behind most of them; see the tests.
var rules = []rule{
	{kind: "transient_state", class: reconcile.Busy},
	{kind: "not_found", class: reconcile.NotFound},
	{kind: "unknown_resource", class: reconcile.NotFound},
	{kind: "resource_expired", class: reconcile.NotFound},
	{kind: "already_exists", class: reconcile.Conflict},
	{kind: "denied_authentication", class: reconcile.Forbidden, fix: newKey},
	{kind: "locked", class: reconcile.Conflict, fix: "it is locked by Scaleway: see the console, or ask its support"},
	{kind: "quotas_exceeded", class: reconcile.Quota, fix: moreQuota},
	{kind: "out_of_stock", class: reconcile.OutOfStock},
	{kind: "permissions_denied", class: reconcile.Forbidden, fix: permit},
	{kind: "precondition_failed", says: "resource_still_in_use", class: reconcile.Busy},
	{kind: "precondition_failed", class: reconcile.Conflict},
	{kind: "invalid_arguments", says: "cannot have same secret name", class: reconcile.Conflict},
	{kind: "invalid_arguments", says: "already exist", class: reconcile.Conflict},
	{kind: "invalid_arguments", class: reconcile.Invalid},

	{status: 400, says: "is not delivered", class: reconcile.Busy},
	{status: 403, says: "still running", class: reconcile.Busy},
	{status: 403, says: "can't be deleted", class: reconcile.Invalid},
	{status: 403, says: "quota", class: reconcile.Quota, fix: moreQuota},
	{status: 403, says: "out of stock", class: reconcile.OutOfStock},
	{status: 409, says: "concurrently updated", class: reconcile.Busy},
	{status: 503, says: "is not supported", class: reconcile.Invalid},
	{status: 503, says: "not compatible", class: reconcile.Invalid},

	{status: 401, class: reconcile.Forbidden, fix: newKey},
	{status: 403, class: reconcile.Forbidden, fix: permit},
	{status: 404, class: reconcile.NotFound},
	{status: 408, class: reconcile.Unavailable},
	{status: 409, class: reconcile.Conflict},
	{status: 410, class: reconcile.NotFound},
	{status: 412, class: reconcile.Conflict},
	{status: 423, class: reconcile.Conflict},
	{status: 429, class: reconcile.RateLimited},
}

// refusal classifies an answer of failure; the values are kept out of its message.
func (a *answer) refusal(hidden ...string) *refusal {
	var w words
	readable := a.isJSON() && json.Unmarshal(a.body, &w) == nil
	err := &reconcile.Error{RequestID: reconcile.OneLine(a.header.Get(requestIDHeader)), Message: reconcile.Hide(reconcile.OneLine(a.message(w)), hidden...)}
	err.Class, err.Fix = a.class(w, readable)
	if a.status >= 300 && a.status < 400 {
		err.Message = fmt.Sprintf("the API sends elsewhere (%d); that is not followed, so that no credential goes there", a.status)
	}
	return &refusal{err: err, status: a.status, after: a.after()}
}

// class finds the rule that fits. Some other thing's answer, such as a proxy's
// page, says nothing about a resource, whatever its status; only 401 and 429 are
// taken from gateways, which send no body with them.
func (a *answer) class(w words, readable bool) (reconcile.Class, string) {
	if !readable && a.status != 401 && a.status != 429 {
		return a.failed(reconcile.Unavailable), ""
	}
	text := strings.ToLower(w.Message + " " + w.Help + " " + w.Precondition)
	for _, d := range w.Details {
		text += " " + strings.ToLower(d.Help)
	}
	for _, r := range rules {
		if (r.kind == "" || r.kind == w.Type) && (r.status == 0 || r.status == a.status) && strings.Contains(text, r.says) {
			return a.failed(r.class), r.fix
		}
	}
	if a.status >= 400 && a.status < 500 {
		return reconcile.Invalid, ""
	}
	return a.failed(reconcile.Unavailable), ""
}

// failed makes a failure of what may have created or changed something Ambiguous.
func (a *answer) failed(class reconcile.Class) reconcile.Class {
	if class == reconcile.Unavailable && once(a.method) {
		return reconcile.Ambiguous
	}
	return class
}

// message is what the API said, put together from the parts that its body has.
func (a *answer) message(w words) string {
	parts := []string{w.Message}
	if w.Message == "" {
		parts[0] = strings.TrimSpace(fmt.Sprintf("answered with %d %s", a.status, http.StatusText(a.status)))
	}
	switch w.Type {
	case "denied_authentication":
		parts = []string{denied(w)}
	case "transient_state":
		parts = []string{fmt.Sprintf("the %s is %s", w.Resource, w.State)}
	case "not_found":
		parts = []string{fmt.Sprintf("there is no %s %s", w.Resource, w.ResourceID)}
	case "out_of_stock":
		parts = []string{w.Resource + " is out of stock"}
	}
	if w.Help != "" {
		parts = append(parts, w.Help)
	}
	for _, d := range w.Details {
		switch {
		case d.Argument != "":
			parts = append(parts, strings.TrimSpace(d.Argument+" "+argument(d.Reason)+" "+d.Help))
		case d.Quota != 0:
			parts = append(parts, fmt.Sprintf("%s: %d of %d are in use", d.Resource, d.Held, d.Quota))
		case d.Action != "":
			parts = append(parts, d.Action+" "+d.Resource)
		}
	}
	return strings.Join(parts, ": ")
}

func argument(reason string) string {
	switch reason {
	case "required":
		return "is required."
	case "format":
		return "is wrongly formed."
	case "constraint":
		return "is not possible."
	}
	return "is refused."
}

func denied(w words) string {
	switch {
	case w.Reason == "expired" && w.ExpiredSince != "":
		return "the API key has expired on " + w.ExpiredSince
	case w.Reason == "expired":
		return "the API key has expired"
	case w.Reason == "not_found":
		return "there is no such API key (any more)"
	}
	return "the API key is refused"
}

// after reads Retry-After, in seconds or as a date. Recorded answers have none.
func (a *answer) after() time.Duration {
	value := a.header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		if sent, err := http.ParseTime(a.header.Get("Date")); err == nil && at.After(sent) {
			return at.Sub(sent)
		}
	}
	return 0
}

// Classify gives an error its class. What this package's transport returns has
// one already; the SDK's own errors, of whatever type, are read like answers.
// Anything else, such as an answer that the SDK cannot decode, is Ambiguous: it
// may have come after the deed. It is nil for nil.
func Classify(err error) *reconcile.Error {
	if err == nil {
		return nil
	}
	var known *reconcile.Error
	if errors.As(err, &known) {
		return known
	}
	a := &answer{header: http.Header{"Content-Type": {"application/json"}}}
	var response *scw.ResponseError
	var raw interface{ GetRawBody() json.RawMessage }
	switch {
	case errors.As(err, &response):
		a.status, a.body = response.StatusCode, response.RawBody
		if len(a.body) == 0 || !json.Valid(a.body) {
			a.header = http.Header{}
		}
	case errors.As(err, &raw):
		a.body = raw.GetRawBody()
	default:
		a.body = typed(err)
	}
	if a.status == 0 && len(a.body) == 0 {
		return &reconcile.Error{Class: reconcile.Ambiguous, Message: reconcile.OneLine(err.Error()), Err: err}
	}
	out := a.refusal().err
	out.Err = err
	return out
}

// typed is the body behind those of the SDK's errors that keep theirs in a field only.
func typed(err error) []byte {
	var expired *scw.ResourceExpiredError
	var deniedAuth *scw.DeniedAuthenticationError
	var failed *scw.PreconditionFailedError
	switch {
	case errors.As(err, &expired):
		return expired.RawBody
	case errors.As(err, &deniedAuth):
		return deniedAuth.RawBody
	case errors.As(err, &failed):
		return failed.RawBody
	}
	return nil
}
