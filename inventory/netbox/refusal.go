package netbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// What to do about refusals that are not about the request itself.
const (
	newToken  = "make a token in NetBox (enabled, not expired, allowed from here), and set NETBOX_TOKEN or the operator's file to it"
	permit    = "in NetBox, enable writing for the token, and give its user the permission for these objects"
	permitGet = "in NetBox, give the token's user the permission to view these objects, and let the token be used from here"
	unseen    = "the object is gone, or the token's user has no permission to view it"
	bootstrap = "`reconcile inventory bootstrap` makes the custom fields and tags that are missing"
	elsewhere = "is the address of NetBox right? Something else answers there"
)

// Bounds of what is told of a refusal.
const (
	longest   = 600 // characters
	mostParts = 20
)

// refusal is the error of an answer of failure. What is no JSON is the word of
// some proxy and says nothing of an object, whatever its status; only 401, 403
// and 429 are taken from one.
func (a *answer) refusal() error {
	var says any
	readable := a.isJSON() && json.Unmarshal(a.body, &says) == nil
	byGateway := a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == http.StatusTooManyRequests
	if !readable && !byGateway && a.status < 500 {
		e := a.problem(reconcile.Unavailable, fmt.Sprintf("answered with %d, and the answer is %s", a.status, a.form()))
		e.Fix = elsewhere
		return e
	}
	text := sentence(says)
	if !readable {
		text = a.form()
	}
	verb := "refused"
	if a.status >= 500 {
		verb = "failed"
	}
	e := a.problem("", fmt.Sprintf("%s (%d): %s", verb, a.status, a.told(text, longest)))
	a.classify(e, says)
	return e
}

func (a *answer) classify(e *reconcile.Error, says any) {
	reading := a.method == http.MethodGet
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Class, e.Fix = reconcile.Forbidden, permit
		if reading {
			e.Fix = permitGet
		}
		if text := strings.ToLower(sentence(says)); strings.Contains(text, "token") || strings.Contains(text, "credentials") {
			e.Fix = newToken
		}
	case http.StatusNotFound, http.StatusGone:
		e.Class, e.Fix = reconcile.NotFound, unseen
	case http.StatusConflict:
		e.Class = reconcile.Conflict
	case http.StatusPreconditionFailed:
		stale := &inventory.Stale{ETag: a.header.Get("ETag")}
		e.Class, e.Err = reconcile.Conflict, stale
		e.Message = a.problem("", "refused: "+stale.Error()).Message
	case http.StatusTooManyRequests:
		e.Class = reconcile.RateLimited
	case http.StatusRequestTimeout:
		e.Class = a.failed()
	default:
		e.Class = reconcile.Invalid
		if a.status >= 500 && !invalid(says) {
			e.Class = a.failed()
		} else if lacksMarks(says) {
			e.Fix = bootstrap
		}
	}
}

// invalid tells whether what NetBox takes for a failure of its own is a refusal:
// so it is with a tag that does not exist, in add_tags. Nothing was done then.
func invalid(says any) bool {
	crash, _ := says.(map[string]any)
	return crash["exception"] == "ValidationError"
}

// lacksMarks tells whether a refusal is about custom fields or tags.
func lacksMarks(says any) bool {
	switch v := says.(type) {
	case map[string]any:
		for name, value := range v {
			if name == "custom_fields" || name == "tags" || name == "add_tags" || lacksMarks(value) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, lacksMarks)
	case string:
		return strings.Contains(strings.ToLower(v), "custom field") || strings.Contains(v, "'slug': '"+inventory.TagManaged)
	}
	return false
}

// sentence makes one line of what NetBox says, in whatever form: fields with lists
// of words, non_field_errors, __all__, detail, a list with one for each row, or
// (since 4.7) detail with numbered errors.
func sentence(says any) string {
	var parts []string
	gather("", says, &parts)
	if len(parts) == 0 {
		return "no reason is given"
	}
	return strings.Join(parts, "; ")
}

func gather(at string, says any, parts *[]string) {
	if len(*parts) == mostParts {
		return
	}
	switch v := says.(type) {
	case nil:
	case []any:
		for i, item := range v {
			gather(inRow(at, i, len(v), item), item, parts)
		}
	case map[string]any:
		for _, name := range slices.SortedFunc(maps.Keys(v), generalFirst) {
			if !slices.Contains(untold, name) {
				gather(below(at, name), v[name], parts)
			}
		}
	default:
		text := strings.TrimSuffix(strings.TrimSpace(fmt.Sprint(v)), ".")
		if at != "" {
			text = at + ": " + text
		}
		if text != "" && !slices.Contains(*parts, text) {
			*parts = append(*parts, text)
		}
	}
}

// inRow names the row of a list of refusals, if there are several.
func inRow(at string, i, of int, item any) string {
	fields, isObject := item.(map[string]any)
	if !isObject || of == 1 {
		return at
	}
	if index, numbered := fields["index"].(float64); numbered {
		i = int(index)
	}
	return strings.TrimSpace(fmt.Sprintf("%s row %d", at, i+1))
}

// general are the names that say nothing about where a refusal belongs.
var general = []string{"detail", "error", "non_field_errors", "__all__", "errors"}

func generalFirst(a, b string) int {
	rank := func(name string) int {
		if i := slices.Index(general, name); i >= 0 {
			return i
		}
		return len(general)
	}
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}

// untold are the members that are told otherwise (the index of a numbered error)
// or of no use (the versions that a server names when it crashes).
var untold = []string{"index", "netbox_version", "python_version"}

// below names the place of a member.
func below(at, name string) string {
	switch {
	case slices.Contains(general, name), name == "exception":
		return at
	case at == "":
		return name
	}
	return at + "." + name
}
