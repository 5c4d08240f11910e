package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// severities are in GitLab's words.
var severities = map[string]string{
	string(missing): "critical", string(conflict): "critical", string(drift): "major", string(unclear): "major",
	string(surplus): "minor", "held": "minor", "known": "info", "unread": "major",
}

type issue struct {
	Description string   `json:"description"`
	Check       string   `json:"check_name"`
	Fingerprint string   `json:"fingerprint"`
	Severity    string   `json:"severity"`
	Location    location `json:"location"`
}

type location struct {
	Path  string `json:"path"`
	Lines struct {
		Begin int `json:"begin"`
	} `json:"lines"`
}

// CodeQuality writes what happened behind Git, each field at the line of the
// manifest that asks for it, in the form of GitLab's code quality reports; of a
// plan also what is held. What has no line in the repository is left out. A
// fingerprint stays the same for as long as the same field of the same resource
// differs for the same reason, wherever its line moves. Without a plan it is empty.
func CodeQuality(w io.Writer, d Document) error {
	out := []issue{}
	if d.Err == nil {
		seen := map[string]int{}
		for _, f := range d.findings() {
			if at := d.inRepository(f.at.File); at != "" {
				out = append(out, issueOf(d.plan(), f, at, seen))
			}
		}
	}
	return writeJSON(w, out)
}

func issueOf(p *reconcile.Plan, f finding, file string, seen map[string]int) issue {
	id := strings.Join([]string{p.Owner, f.check, f.key, f.field}, "\x00")
	if seen[id]++; seen[id] > 1 {
		id += fmt.Sprintf("\x00%d", seen[id])
	}
	sum := sha256.Sum256([]byte(id))
	severity := orElse(severities[f.check], "major") // of what NetBox disagrees about
	out := issue{reconcile.Clean(f.text), "reconcile-" + f.check, hex.EncodeToString(sum[:]), severity, location{Path: reconcile.Clean(file)}}
	out.Location.Lines.Begin = max(1, f.at.Line)
	return out
}
