package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/repo"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// longestMarkdown is what GitLab takes as one note, in characters.
const longestMarkdown = 1_000_000

// planReports are the reports that plan and drift write besides their output.
type planReports struct {
	given []string
	files []reportFile
}

// A reportFile is a report to write.
type reportFile struct {
	name   string
	format report.Format
}

func (f *planReports) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.given, "report", nil, "also write a report, as FORMAT=FILE (repeatable): "+strings.Join(report.FormatNames(), ", "))
}

// check refuses reports that cannot be written, before anything is read. other
// is a further file that the command writes.
func (f *planReports) check(other string) error {
	f.files = nil
	taken := map[string]bool{}
	if other != "" {
		taken[realPath(other)] = true
	}
	for _, given := range f.given {
		file, err := parseReport(given)
		if err == nil && taken[realPath(file.name)] {
			err = errors.New("the file is named twice; each report needs its own")
		}
		if err != nil {
			return fmt.Errorf("--report %s: %w", reconcile.Clean(given), err)
		}
		taken[realPath(file.name)] = true
		f.files = append(f.files, file)
	}
	return nil
}

func parseReport(given string) (reportFile, error) {
	word, name, found := strings.Cut(given, "=")
	format, known := report.Formats()[word]
	switch info, err := os.Stat(name); {
	case !known && found:
		return reportFile{}, errors.New(noFormat(word))
	case !found || name == "":
		return reportFile{}, errors.New("it names no file; write FORMAT=FILE, such as html=report.html")
	case name == "-":
		return reportFile{}, errors.New("standard output is the command's own result; name a file")
	case err == nil && !info.Mode().IsRegular():
		return reportFile{}, errors.New("there is something of that name already that is no file")
	}
	if !isFolder(filepath.Dir(name)) {
		return reportFile{}, fmt.Errorf("there is no folder %s; make it first", filepath.Dir(name))
	}
	return reportFile{name, format}, nil
}

func noFormat(word string) string {
	names := report.FormatNames()
	if near := reconcile.Nearest(word, names); near != "" {
		return fmt.Sprintf("there is no format %q; did you mean %s?", word, near)
	}
	return fmt.Sprintf("there is no format %q; there are %s", word, strings.Join(names, ", "))
}

// realPath is a file's name, the same whichever way it is named.
func realPath(name string) string {
	abs, err := filepath.Abs(name)
	if err != nil {
		return name
	}
	if real, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		return filepath.Join(real, filepath.Base(abs))
	}
	return abs
}

// names are the files that are written.
func (f *planReports) names() []string {
	var out []string
	for _, file := range f.files {
		out = append(out, file.name)
	}
	return out
}

// write writes each report to its file, also if there is no plan because of an
// error, which it returns. s is nil if nothing could be read.
func (f *planReports) write(a *app, where scope, s *session, plan *reconcile.Plan, drift bool, problem error) error {
	if len(f.files) == 0 {
		return problem
	}
	d := a.document(where, s)
	d.Plan, d.Drift, d.Err = plan, drift, unsaid(problem)
	for _, file := range f.files {
		err := writeReport(file.name, func(w io.Writer) error { return file.format(w, d) })
		switch {
		case err != nil && problem == nil:
			problem = err
		case err != nil:
			fmt.Fprintln(a.err, reconcile.Clean(err.Error()))
		}
	}
	return problem
}

// unsaid is an error as reports have it: problems of manifests in full, although
// people have been told already.
func unsaid(err error) error {
	var problems reconcile.Problems
	if errors.As(err, &problems) {
		return problems
	}
	return err
}

// document is what reports say of where they come from.
func (a *app) document(where scope, s *session) report.Document {
	d := report.Document{Program: version(), Location: repo.MaskURL(orElse(where.location, ".")), Job: a.getenv("CI_JOB_URL"), Limit: longestMarkdown}
	if s == nil {
		clock := a.clock
		if clock == nil {
			clock = reconcile.RealClock{}
		}
		d.At = clock.Now()
		return d
	}
	d.At, d.Stack, d.Location, d.Folder = s.clock.Now(), s.src.Stack.Name, s.source.String(), s.source.Rel()
	if s.src.Stack.Declared {
		d.Source = s.src.Stack.Pos
	}
	if project := a.getenv("CI_PROJECT_URL"); project != "" && s.revision.Hash == a.getenv("CI_COMMIT_SHA") {
		d.Blob = project + "/-/blob/" + s.revision.Hash
	}
	return d
}

func writeReport(name string, write func(io.Writer) error) error {
	if err := writeWhole(name, 0o644, write); err != nil {
		return fmt.Errorf("write the report %s: %w", name, err)
	}
	return nil
}
