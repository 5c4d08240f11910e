package web

import (
	"encoding/json"
	"net/http"
)

// A Remark is what GitLab tells of a merge request: that somebody wrote on it,
// or that it was opened, got other commits, or was merged.
type Remark struct {
	Action  string // "note", "open", "update" or "merge"
	Project int64  // ID of the project that it is to be merged into
	Path    string // of that project, as group/name
	Request int64  // number of the merge request in its project
	State   string // "opened", "merged", "closed"
	Fork    bool   // it comes from another project
	Commit  string // last commit of its branch
	Source  string // branch
	Target  string // branch
	Note    int64  // ID of what was written
	Text    string // what was written
	By      Person
}

// A Person is a user of GitLab.
type Person struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
	Name     string `json:"name"`
	Email    string `json:"email"` // "[REDACTED]" unless the address is public
}

// mergeRequest is what counts of a merge request in GitLab's events.
type mergeRequest struct {
	Number int64               `json:"iid"`
	State  string              `json:"state"`
	Source string              `json:"source_branch"`
	Target string              `json:"target_branch"`
	From   int64               `json:"source_project_id"`
	Into   int64               `json:"target_project_id"`
	Last   struct{ ID string } `json:"last_commit"`
	Action string              `json:"action"`
	Before string              `json:"oldrev"` // set if an update brings commits
	Note   string              `json:"note"`
	NoteID int64               `json:"id"`
	About  string              `json:"noteable_type"`
	System bool                `json:"system"`
}

// told is the part of GitLab's events that tells of merge requests.
type told struct {
	Kind    string `json:"object_kind"`
	User    Person `json:"user"`
	Project struct {
		ID   int64  `json:"id"`
		Path string `json:"path_with_namespace"`
	} `json:"project"`
	About   mergeRequest  `json:"object_attributes"`
	Request *mergeRequest `json:"merge_request"` // of a note
}

// remarkOf reads what an event tells of a merge request; ok is false if it tells
// nothing that counts.
func remarkOf(body []byte) (r Remark, ok bool, err error) {
	var event told
	if err := json.Unmarshal(body, &event); err != nil {
		return r, false, invalid("the body is no event of GitLab: %v", err)
	}
	request := &event.About
	switch {
	case event.Kind == "note" && event.Request != nil && event.About.About == "MergeRequest" && !event.About.System && event.About.Action != "update":
		r.Action, r.Note, r.Text, request = "note", event.About.NoteID, event.About.Note, event.Request
	case event.Kind == "merge_request" && (event.About.Action == "open" || event.About.Action == "reopen"):
		r.Action = "open"
	case event.Kind == "merge_request" && event.About.Action == "update" && event.About.Before != "":
		r.Action = "update"
	case event.Kind == "merge_request" && event.About.Action == "merge":
		r.Action = "merge"
	default:
		return r, false, nil
	}
	r.Project, r.Path, r.Request, r.State, r.Fork = event.Project.ID, event.Project.Path, request.Number, request.State, request.From != request.Into
	r.Commit, r.Source, r.Target, r.By = request.Last.ID, request.Source, request.Target, event.User
	return r, r.Request > 0 && r.Project > 0, nil
}

// remark hands on what an event tells of a merge request. That takes no time:
// GitLab gives up after ten seconds.
func (h Hook) remark(body []byte) error {
	if h.Remarks == nil {
		return nil
	}
	r, ok, err := remarkOf(body)
	if err != nil || !ok {
		return err
	}
	if !h.Remarks(r) {
		return refuse(http.StatusServiceUnavailable, "too many remarks wait; send it again later")
	}
	return nil
}
