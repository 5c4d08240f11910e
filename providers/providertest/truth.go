package providertest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// fact is a resource as it is, whatever listings show.
type fact struct {
	Kind   string         `json:"kind"`
	ID     string         `json:"id"`
	Fields map[string]any `json:"fields"`
}

func (f fact) status() string { return f.text("status") }

// leaving tells whether it is on its way out.
func (f fact) leaving() bool {
	return f.status() == "deleting" || f.text("deletion_requested_at") != ""
}

func (f fact) text(field string) string {
	text, _ := f.Fields[field].(string)
	return text
}

// mark is whose it is, from its tags or its description.
func (f fact) mark() reconcile.Mark {
	if tags, ok := f.Fields["tags"].([]any); ok {
		words := make([]string, len(tags))
		for i := range tags {
			words[i], _ = tags[i].(string)
		}
		mark, _ := scaleway.ParseTags(words)
		return mark
	}
	mark, _ := scaleway.ParseText(f.text("description"))
	return mark
}

// facts are all resources that there are, by ID; projects, which nobody makes here, are left out.
func (s *stage) facts() map[string]fact {
	s.Helper()
	var state struct {
		Resources []fact `json:"resources"`
	}
	if err := json.Unmarshal(s.steer(http.MethodGet, "/_sim/state", nil), &state); err != nil {
		s.Fatal(err)
	}
	out := map[string]fact{}
	for _, f := range state.Resources {
		if f.Kind != "project" {
			out[f.ID] = f
		}
	}
	return out
}

// ours are the IDs of the stack's resources that are to stay, by key.
func (s *stage) ours() map[reconcile.Key][]string {
	s.Helper()
	owner := s.owner()
	out := map[reconcile.Key][]string{}
	for id, f := range s.facts() {
		if mark := f.mark(); mark.Owner() == owner && !f.leaving() {
			out[mark.Key] = append(out[mark.Key], id)
		}
	}
	return out
}

// others are the resources that are not the stack's.
func (s *stage) others() map[string]fact {
	s.Helper()
	owner := s.owner()
	out := s.facts()
	for id, f := range out {
		if f.mark().Owner() == owner {
			delete(out, id)
		}
	}
	return out
}

// digestOf makes a commit's hash of a name.
func digestOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:20])
}
