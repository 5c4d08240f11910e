package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

func (a *app) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Test what a stack's policy decides",
		Long: `Policy is about what a stack's policy lets be done without a person: its rules,
approvals, windows and gates for deletions.`,
	}
	cmd.AddCommand(a.policyTest())
	return cmd
}

// policyTestFlags are those of policy test.
type policyTestFlags struct {
	scope
	cases  string // a file
	config string // the operator's file
	stack  string // in it
	output string
	report string
}

func (a *app) policyTest() *cobra.Command {
	var f policyTestFlags
	cmd := &cobra.Command{
		Use:   "test [PATH|GIT-URL]",
		Short: "Run a team's own cases against a stack's policy",
		Long: `Test reads cases from policy-tests.yaml in the stack's folder, or from --cases, and
says of each whether the stack's policy decides as the case wants. A case says which
manifests Git asks for, which are live, and what is held for what reason. Nobody is
asked, and no credentials are needed: what is live is made of manifests, and values
from elsewhere are stood in for. With --config the bounds of an operator's file
count too.

Exit status: 0 all as wanted; 1 a case failed, or error.`,
		Example: `  reconcile policy test
  reconcile policy test stacks/prod --config /etc/reconcile/reconcile.yaml --stack shop-prod
  reconcile policy test --report junit=policy.xml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args)
			return a.testPolicy(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.ref, "ref", "", "branch, tag or commit to read (default: a folder as it is, of a URL its HEAD)")
	flags.StringVar(&f.path, "path", "", "folder inside the repository that holds the stack (default: its top)")
	flags.StringVar(&f.cases, "cases", "", "file of the cases (default policy-tests.yaml in the stack's folder)")
	flags.StringVar(&f.config, "config", "", "the operator's file whose bounds count too")
	flags.StringVar(&f.stack, "stack", "", "name of the stack in the operator's file (default: the stack's own)")
	flags.StringVar(&f.report, "report", "", "also write a report, as junit=FILE")
	outputFlag(cmd, &f.output, "text", "json")
	return cmd
}

func (a *app) testPolicy(ctx context.Context, f policyTestFlags) error {
	if err := checkOutput(f.output, "text", "json"); err != nil {
		return err
	}
	format, file, named := strings.Cut(f.report, "=")
	if f.report != "" && (format != "junit" || !named || file == "") {
		return fmt.Errorf("--report %s: wants junit=FILE", f.report)
	}
	if _, err := parseReport(f.report); f.report != "" && err != nil {
		return fmt.Errorf("--report %s: %w", reconcile.Clean(f.report), err)
	}
	s, err := a.read(ctx, f.scope)
	if err != nil {
		return err
	}
	defer s.close()
	tested, err := s.testedPolicy(f)
	if err != nil {
		return err
	}
	result := tested.run()
	if file != "" {
		if err := writeReport(file, result.junit); err != nil {
			return err
		}
	}
	if result.Failed > 0 {
		a.code = exitError
	}
	if f.output == "json" {
		return indented(a.out, result)
	}
	return result.text(a.out)
}

// testedPolicy reads the stack, the operator's bounds and the cases. Wrong ones
// are told with their lines; the error then says no more.
func (s *session) testedPolicy(f policyTestFlags) (*policyCases, error) {
	if err := s.tell(s.src.Problems, s.src.Text, s.src.Files); err != nil {
		return nil, err
	}
	stack := &s.src.Stack
	if len(stack.Regions) == 0 {
		stack.Regions = []string{"fr-par"}
	}
	if len(stack.Zones) == 0 {
		stack.Zones = []string{stack.Regions[0] + "-1"}
	}
	c := &policyCases{session: s, config: f.config != ""}
	if f.config == "" && f.stack != "" {
		return nil, errors.New("policy test: --stack names a stack of an operator's file; name that with --config")
	}
	if f.config != "" {
		if err := c.bound(f); err != nil {
			return nil, err
		}
	}
	return c, c.load(f.cases)
}

// tell shows problems with their lines; the error is that some are no warnings.
func (s *session) tell(problems reconcile.Problems, line func(reconcile.Pos) string, files int) error {
	if len(problems) > 0 {
		manifest.Format(s.err, problems, line, files)
	}
	if problems.Err() != nil {
		return saidError{exitError}
	}
	return nil
}

// bound finds the operator's bounds of the stack.
func (c *policyCases) bound(f policyTestFlags) error {
	config, _, err := readConfig(f.config)
	var bad *badConfig
	if errors.As(err, &bad) {
		bad.tell(c.err)
		return saidError{exitError}
	}
	if err != nil {
		return err
	}
	name := orElse(f.stack, c.src.Stack.Name)
	var names []string
	for _, e := range config.Stacks {
		if names = append(names, e.Name); e.Name == name {
			c.entry, c.windows = e, config.WindowsOf(e)
			return nil
		}
	}
	hint := "it has " + orElse(strings.Join(names, ", "), "none")
	if near := reconcile.Nearest(name, names); near != "" {
		hint = "did you mean --stack " + near + "?"
	}
	return fmt.Errorf("policy test: %s has no stack %s; %s", f.config, name, hint)
}

// policy is the stack with the policy that a case is about.
func (c *policyCases) policy(mode string) (reconcile.Stack, error) {
	stack := copyOf(c.src.Stack)
	if mode != "" {
		stack.Policy.Mode = mode
	}
	if !c.config {
		return stack, nil
	}
	_, problems := daemon.Tighten(&stack, c.entry)
	return stack, problems.Err()
}

// policyResult is what policy test -o json prints.
type policyResult struct {
	FormatVersion string       `json:"format_version"`
	Stack         string       `json:"stack"`
	Cases         []caseResult `json:"cases"`
	Failed        int          `json:"failed"`
}

type caseResult struct {
	Name   string        `json:"name"`
	At     string        `json:"at"` // file:line
	OK     bool          `json:"ok"`
	Amiss  []caseFailure `json:"failures"`
	Notice []string      `json:"notices"`
}

type caseFailure struct {
	At   string `json:"at"`
	Text string `json:"text"`
}

func (r *policyResult) text(w io.Writer) error {
	var out strings.Builder
	for _, c := range r.Cases {
		word := "ok  "
		if !c.OK {
			word = "FAIL"
		}
		fmt.Fprintf(&out, "%s  %s  %s\n", word, reconcile.Clean(c.Name), c.At)
		for _, f := range c.Amiss {
			fmt.Fprintf(&out, "      %s: %s\n", f.At, reconcile.Clean(f.Text))
		}
	}
	noun := "cases"
	if len(r.Cases) == 1 {
		noun = "case"
	}
	fmt.Fprintf(&out, "%d %s, %d failed.\n", len(r.Cases), noun, r.Failed)
	_, err := io.WriteString(w, out.String())
	return err
}

// MarshalJSON writes empty lists as such.
func (c caseResult) MarshalJSON() ([]byte, error) {
	type plain caseResult
	if c.Amiss == nil {
		c.Amiss = []caseFailure{}
	}
	if c.Notice == nil {
		c.Notice = []string{}
	}
	return json.Marshal(plain(c))
}
