package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// driftFile is the file of a look with what the drift issue shall say.
const driftFile = "drift-issue.json"

// driftTold is what the drift issue shall say.
type driftTold struct {
	Open    bool   `json:"open"`
	Unclear bool   `json:"unclear,omitempty"` // nobody could look, which closes nothing
	Digest  string `json:"digest,omitempty"`
	Body    string `json:"body,omitempty"`
}

// tellsDrift tells whether a GitLab keeps an issue for a stack's drift. Without
// a daemon nobody does: jobs tell GitLab themselves.
func (l *line) tellsDrift(e daemon.Entry) bool {
	if l == nil {
		return false
	}
	g, _, ok := l.config.Load().GitLabOf(e)
	return ok && g.Issues
}

func (l *line) driftFile(b *bytes.Buffer, e daemon.Entry, plan *reconcile.Plan) error {
	counts := report.Has(plan)
	told := driftTold{Open: counts.Drifted(), Unclear: !counts.Drifted() && counts.Unknown > 0}
	if !told.Open {
		return json.NewEncoder(b).Encode(told)
	}
	config := l.config.Load()
	g, project, _ := config.GitLabOf(e)
	var text strings.Builder
	err := report.Markdown(&text, report.Document{
		Plan: plan, Drift: true, Program: version(), Stack: e.Name, Folder: e.Path, Limit: issueRoom,
		Blob: strings.TrimSuffix(g.URL, "/") + "/" + project + "/-/blob/" + plan.Revision.ID,
	})
	if err != nil {
		return err
	}
	if told.Digest, err = driftDigest(plan); err != nil {
		return err
	}
	told.Body = text.String()
	return json.NewEncoder(b).Encode(told)
}
