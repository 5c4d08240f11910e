package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func (a *app) doctorCommand() *cobra.Command {
	var where scope
	var output, alive string
	var policy policyFlags
	cmd := &cobra.Command{
		Use:   "doctor [PATH|GIT-URL]",
		Short: "Check what the other verbs need: access, permissions, clock and store",
		Long: `Doctor looks at one thing after the other that the other verbs rely on, and says
of each whether it is well, and if not what to do. It changes nothing, and never
prints a credential.

With --iam-policy it looks at nothing, and prints the policy of Scaleway's IAM
that an API key needs for the stack, or for all stacks of an operator's file, and
nothing more: a rule for each project, as commands of scw or, with -o json, as
requests to the API. With --read-only it is that of a key which can plan and
change nothing, as jobs of merge requests should have.

With --alive it only asks a daemon whether it lives.

Exit status: 0 nothing failed; 1 something did; 3 a stack of the operator's file
could not be read.`,
		Example: `  reconcile doctor
  reconcile doctor --iam-policy --read-only prod
  reconcile doctor --iam-policy --config /etc/reconcile/reconcile.yaml -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			where.location = first(args)
			if alive != "" {
				return a.alive(cmd.Context(), alive)
			}
			if policy.print {
				return a.policy(cmd.Context(), where, policy, output)
			}
			if policy != (policyFlags{}) {
				return errors.New("--read-only, --config and --organization go with --iam-policy")
			}
			return a.doctor(cmd.Context(), where, output)
		},
	}
	where.flags(cmd)
	outputFlag(cmd, &output, "text", "json")
	fs := cmd.Flags()
	fs.StringVar(&alive, "alive", "", "only ask the daemon at this address whether it lives")
	fs.BoolVar(&policy.print, "iam-policy", false, "print the least that an API key must be allowed")
	fs.BoolVar(&policy.readOnly, "read-only", false, "with --iam-policy: of a key that plans only")
	fs.StringVar(&policy.config, "config", "", "with --iam-policy: for the stacks of this operator's file")
	fs.StringVar(&policy.organization, "organization", "", "with --iam-policy: ID of the organization, for a further rule by which the end of the key and the name of the project can be read")
	return cmd
}

// The states of a check.
const (
	wellState    = "ok"
	failedState  = "fail"
	skippedState = "skip"
)

// check is one thing that doctor looked at.
type check struct {
	Name   string `json:"name"`
	State  string `json:"state"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

// diagnosis is what doctor -o json prints.
type diagnosis struct {
	FormatVersion string  `json:"format_version"`
	Checks        []check `json:"checks"`
	Failed        int     `json:"failed"`
}

// doctor goes through the checks. What needs something that failed is skipped.
type doctor struct {
	*session
	diagnosis
	text bool

	netboxURL, netboxCA string
	noNetbox            error // why there is no client of it
	seesNetbox          bool
}

func (a *app) doctor(ctx context.Context, where scope, output string) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	d := &doctor{diagnosis: diagnosis{FormatVersion: "1"}, text: output == "text"}
	defer func() { d.session.close() }()
	d.git(ctx, a, where)
	known := d.credentials(ctx)
	d.manifests(ctx)
	d.seesNetbox = d.asksNetbox(ctx)
	if known && d.reachable(ctx) && d.key(ctx) {
		d.project(ctx)
		d.listings(ctx)
	} else {
		d.skip("listings", "nothing can be listed before the above is mended")
	}
	d.history(ctx)
	if d.Failed > 0 {
		a.code = exitError
	}
	if !d.text {
		return indented(a.out, d.diagnosis)
	}
	return d.conclude()
}

func (d *doctor) conclude() error {
	verdict := "Nothing failed."
	if d.Failed > 0 {
		verdict = fmt.Sprintf("%d of %s failed.", d.Failed, counted(len(d.Checks), "check"))
	}
	_, err := fmt.Fprintln(d.out, verdict)
	return err
}

// add notes a check, and prints it at once, as the next one may take its time.
func (d *doctor) add(c check) {
	c.Detail, c.Fix = reconcile.Clean(c.Detail), reconcile.Clean(c.Fix)
	d.Checks = append(d.Checks, c)
	word := c.State
	if c.State == failedState {
		d.Failed++
		word = "FAIL"
	}
	if !d.text {
		return
	}
	fmt.Fprintf(d.out, "%-4s  %-22s  %s\n", word, c.Name, c.Detail)
	if c.Fix != "" {
		fmt.Fprintf(d.out, "%30sfix: %s\n", "", c.Fix)
	}
}

func (d *doctor) well(name, format string, args ...any) {
	d.add(check{Name: name, State: wellState, Detail: fmt.Sprintf(format, args...)})
}

func (d *doctor) skip(name, format string, args ...any) {
	d.add(check{Name: name, State: skippedState, Detail: fmt.Sprintf(format, args...)})
}

// fail notes what went wrong. An error that knows what to do about it says so itself.
func (d *doctor) fail(name string, err error, fix string) {
	var refused *reconcile.Error
	if errors.As(err, &refused) && refused.Fix != "" {
		fix = refused.Fix
	}
	d.add(check{Name: name, State: failedState, Detail: err.Error(), Fix: fix})
}

// git opens the location and reads its tree. Without it the rest is looked at
// for a stack of no manifests.
func (d *doctor) git(ctx context.Context, a *app, where scope) {
	s, err := a.read(ctx, where)
	if s == nil {
		s = &session{app: a, scope: where, clock: reconcile.RealClock{}, reading: reading{src: &reconcile.Source{}}}
		s.folder = orElse(a.flags.store, filepath.Join(s.top(), ".reconcile"))
	}
	d.session = s
	if err != nil {
		d.fail("git", err, "give a folder or a URL that can be read; RECONCILE_GIT_TOKEN holds a token for https")
		return
	}
	if s.revision.Hash == "" {
		d.well("git", "%s is a folder outside Git; its marks carry a digest instead of a commit", s.source)
		return
	}
	d.well("git", "%s at %s", s.source, s.revision)
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
