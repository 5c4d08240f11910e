package report

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Document is what a report is about: the one input of every format. A format
// is a pure function of it.
type Document struct {
	Plan     *reconcile.Plan // nil if it could not be made
	Drift    bool            // the verb is drift, which looks back from Git; else plan, which looks forward
	Err      error           // why there is no plan, or none to rely on; nil if there is
	At       time.Time       // when it was made, if there is no plan to say so
	Program  string          // the version of this one
	Stack    string          // its name, if there is no plan to say so
	Location string          // what was read, as it may be printed: a folder, or an address without a password
	Source   reconcile.Pos   // the Stack manifest; zero if there is none
	Folder   string          // of the stack inside its repository, slashes between names; "" or "." is the top
	Blob     string          // address below which files of the commit are shown; "": nothing is linked
	Job      string          // address of the job that made it; "" if there is none
	Limit    int             // characters that it may have, where a format has to be short; 0: no limit
}

// problems are the lines of the error.
func (d Document) problems() []string {
	if d.Err == nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(d.Err.Error()), "\n")
}

// failure is what went wrong, in words that open a sentence.
func (d Document) failure() string {
	switch {
	case d.Plan != nil:
		return "The " + d.verb() + " cannot be relied on"
	case d.Drift:
		return "Drift could not be looked for"
	}
	return "No plan could be made"
}

func (d Document) verb() string {
	if d.Drift {
		return "drift"
	}
	return "plan"
}

func (d Document) stack() string {
	if d.Plan != nil {
		return d.Plan.Stack
	}
	return d.Stack
}

// plan is the document's, or an empty one that says of what there is none.
func (d Document) plan() *reconcile.Plan {
	if d.Plan != nil {
		return d.Plan
	}
	return &reconcile.Plan{Stack: d.Stack, At: d.At}
}

// inRepository is the path of a file from the repository's top, as links and
// reports want it; "" for what is not in there.
func (d Document) inRepository(file string) string {
	if file == "" {
		return ""
	}
	name := path.Join(d.Folder, file)
	if path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../") {
		return ""
	}
	return name
}

// link is the address of a line of a manifest, "" if the files of the commit are
// shown nowhere.
func (d Document) link(at reconcile.Pos) string {
	below, file := webAddress(d.Blob), d.inRepository(at.File)
	if below == "" || file == "" || at.Line == 0 {
		return ""
	}
	return fmt.Sprintf("%s/%s#L%d", strings.TrimSuffix(below, "/"), (&url.URL{Path: file}).EscapedPath(), at.Line)
}

// webAddress is an address that a browser may open, or nothing.
func webAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}

// A Format writes a document. What it writes holds no secret values.
type Format func(w io.Writer, d Document) error

// Formats are all formats by the names that flags have for them.
func Formats() map[string]Format {
	return map[string]Format{
		"text": Text, "json": JSON, "markdown": Markdown, "html": HTML, "junit": JUnit,
		"codequality": CodeQuality, "gitlab-terraform": GitLabTerraform, "dotenv": Dotenv,
	}
}

// FormatNames are the names of all formats, in order.
func FormatNames() []string { return slices.Sorted(maps.Keys(Formats())) }
