package web

import (
	"reflect"
	"testing"
)

const request = `{"iid":7,"state":"opened","source_branch":"topic","target_branch":"main","source_project_id":15,"target_project_id":15,"last_commit":{"id":"4f2a91c"}}`

// remarked are events of merge requests as GitLab sends them, less what does not count.
var remarked = []struct {
	name, body string
	want       *Remark
}{
	{"a note", `{"object_kind":"note","user":{"id":3,"username":"jo","name":"Jo"},"project":{"id":15,"path_with_namespace":"group/shop"},
		"object_attributes":{"id":99,"note":"reconcile plan","noteable_type":"MergeRequest","system":false,"action":"create"},"merge_request":` + request + `}`,
		&Remark{Action: "note", Project: 15, Path: "group/shop", Request: 7, State: "opened", Commit: "4f2a91c", Source: "topic", Target: "main",
			Note: 99, Text: "reconcile plan", By: Person{ID: 3, Username: "jo", Name: "Jo"}}},
	{"a note that was changed", `{"object_kind":"note","project":{"id":15},"object_attributes":{"noteable_type":"MergeRequest","action":"update"},"merge_request":` + request + `}`, nil},
	{"GitLab's own note", `{"object_kind":"note","project":{"id":15},"object_attributes":{"noteable_type":"MergeRequest","system":true},"merge_request":` + request + `}`, nil},
	{"a note on an issue", `{"object_kind":"note","project":{"id":15},"object_attributes":{"noteable_type":"Issue","note":"reconcile plan"},"issue":{"iid":7}}`, nil},
	{"a note on nothing", `{"object_kind":"note","project":{"id":15},"object_attributes":{"noteable_type":"MergeRequest"}}`, nil},
	{"opened from a fork", `{"object_kind":"merge_request","user":{"id":3},"project":{"id":15,"path_with_namespace":"group/shop"},
		"object_attributes":{"id":1,"iid":8,"action":"open","state":"opened","source_project_id":16,"target_project_id":15,"source_branch":"x","target_branch":"main","last_commit":{"id":"aa"}}}`,
		&Remark{Action: "open", Project: 15, Path: "group/shop", Request: 8, State: "opened", Fork: true, Commit: "aa", Source: "x", Target: "main", By: Person{ID: 3}}},
	{"other commits", `{"object_kind":"merge_request","project":{"id":15},"object_attributes":{"iid":8,"action":"update","oldrev":"bb","last_commit":{"id":"aa"}}}`,
		&Remark{Action: "update", Project: 15, Request: 8, Commit: "aa"}},
	{"another title", `{"object_kind":"merge_request","project":{"id":15},"object_attributes":{"iid":8,"action":"update","last_commit":{"id":"aa"}}}`, nil},
	{"merged", `{"object_kind":"merge_request","project":{"id":15},"object_attributes":{"iid":8,"action":"merge","state":"merged"}}`,
		&Remark{Action: "merge", Project: 15, Request: 8, State: "merged"}},
	{"approved", `{"object_kind":"merge_request","project":{"id":15},"object_attributes":{"iid":8,"action":"approved"}}`, nil},
	{"of no project", `{"object_kind":"merge_request","object_attributes":{"iid":8,"action":"open"}}`, nil},
}

func TestRemarks(t *testing.T) {
	for _, c := range remarked {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			var got *Remark
			r.settings.Hooks[0].Remarks = func(told Remark) bool { got = &told; return true }
			r.want(202, ask{method: "POST", path: "/hooks/gitlab", body: c.body, header: map[string]string{"X-Gitlab-Token": hookSecret}})
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// Without the secret nothing is read, with it nonsense is refused, and who takes
// no more says so.
func TestRemarksRefused(t *testing.T) {
	for _, c := range []struct {
		name, secret, body string
		takes              bool
		want               int
	}{
		{"no secret", "", remarked[0].body, true, 401},
		{"nonsense", hookSecret, `{"object_kind":"note","object_attributes":7}`, true, 422},
		{"too many", hookSecret, remarked[0].body, false, 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			told := 0
			r.settings.Hooks[0].Remarks = func(Remark) bool { told++; return c.takes }
			r.want(c.want, ask{method: "POST", path: "/hooks/gitlab", body: c.body, header: map[string]string{"X-Gitlab-Token": c.secret}})
			if c.want != 503 && told > 0 {
				t.Error("it was handed on")
			}
		})
	}
}
