package report

import (
	"io"
	"maps"
	"slices"
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
