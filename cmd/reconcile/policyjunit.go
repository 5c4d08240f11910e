package main

import (
	"encoding/xml"
	"io"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// junitSuites are test results as GitLab reads them.
type junitSuites struct {
	XMLName  xml.Name   `xml:"testsuites"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Suite    junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Suite   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

// junit writes the result in JUnit's form.
func (r *policyResult) junit(w io.Writer) error {
	suite := junitSuite{Name: reconcile.Clean(r.Stack), Tests: len(r.Cases), Failures: r.Failed}
	for _, c := range r.Cases {
		file, _, _ := strings.Cut(c.At, ":")
		one := junitCase{Suite: suite.Name, Name: reconcile.Clean(c.Name), File: file}
		var lines []string
		for _, f := range c.Amiss {
			lines = append(lines, f.At+": "+reconcile.Clean(f.Text))
		}
		if !c.OK {
			one.Failure = &junitFailure{"policy", strings.Join(lines, "\n")}
		}
		suite.Cases = append(suite.Cases, one)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", " ")
	err := encoder.Encode(junitSuites{Tests: suite.Tests, Failures: suite.Failures, Suite: suite})
	if err == nil {
		_, err = io.WriteString(w, "\n")
	}
	return err
}
