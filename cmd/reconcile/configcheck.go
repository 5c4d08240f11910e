package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func (a *app) configCheck() *cobra.Command {
	var where scope
	var output string
	cmd := &cobra.Command{
		Use:   "check [PATH|GIT-URL]",
		Short: "Look up every value that the manifests ask for, without showing any",
		Long: `Check looks up every value that the stack's manifests take from elsewhere, and
says which are there. Values are read and not shown. Outputs of other manifests
are not looked up: they are known once those are applied.

Exit status: 0 all are there; 1 error, or one is not.`,
		Example: `  reconcile config check
  reconcile config check stacks/prod -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			where.location = first(args)
			return a.checkValues(cmd.Context(), where, output)
		},
	}
	where.flags(cmd)
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// checkedValue is what came of one look-up.
type checkedValue struct {
	Source string   `json:"source"` // env, file, sops or secretManager
	Value  string   `json:"value"`  // its name, never itself
	UsedBy []string `json:"used_by"`
	Found  bool     `json:"found"`
	Reason string   `json:"reason,omitempty"`
}

type checkedValues struct {
	FormatVersion string         `json:"format_version"`
	Stack         string         `json:"stack"`
	Values        []checkedValue `json:"values"`
}

func (a *app) checkValues(ctx context.Context, where scope, output string) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	s, err := a.read(ctx, where)
	if err != nil {
		return err
	}
	defer s.close()
	if s.src.Problems.Err() != nil {
		return s.expand(ctx, false)
	}
	all := checkedValues{FormatVersion: "1", Stack: s.src.Stack.Name}
	if all.Values, err = s.check(ctx); err != nil {
		return err
	}
	missing := slices.ContainsFunc(all.Values, func(v checkedValue) bool { return !v.Found })
	if missing {
		a.code = exitError
	}
	if output == "json" {
		return indented(a.out, all)
	}
	return s.checkText(all.Values)
}

// check looks everything up, each once. Scaleway is asked only for its secrets.
func (s *session) check(ctx context.Context) ([]checkedValue, error) {
	asked := s.asked()
	if slices.ContainsFunc(asked, func(v reconcile.ValueFrom) bool { return v.Sort == "secretManager" }) {
		if err := s.connect(ctx, false); err != nil {
			return nil, err
		}
	}
	sources, err := s.lookups()
	if err != nil {
		return nil, err
	}
	values := reconcile.Look(ctx, s.src.Manifests, sources)
	out, places := []checkedValue{}, map[string]int{}
	for _, v := range asked {
		name := v.String()[len(v.Sort)+1:]
		id := v.Sort + name + v.Region
		if i, twice := places[id]; twice {
			out[i].UsedBy = append(out[i].UsedBy, v.Pos.Short())
			continue
		}
		places[id] = len(out)
		found := values.Of(v)
		one := checkedValue{Source: v.Sort, Value: name, UsedBy: []string{v.Pos.Short()}, Found: found.Err == nil}
		if !one.Found {
			one.Reason = found.Err.Error()
		}
		out = append(out, one)
	}
	return out, nil
}

func (s *session) checkText(values []checkedValue) error {
	page := s.sheet(s.out)
	missing := 0
	for _, v := range values {
		mark := "ok     "
		if !v.Found {
			mark, missing = "missing", missing+1
		}
		page.line(0, "%s  %s %s", mark, v.Source, v.Value)
		for _, at := range v.UsedBy {
			page.line(9, "%s", at)
		}
		if !v.Found {
			page.line(9, "%s", v.Reason)
		}
	}
	if missing > 0 {
		page.line(0, "%d of %s cannot be looked up.", missing, counted(len(values), "value"))
	} else {
		page.line(0, "%s: %s, all there.", s.src.Stack.Name, counted(len(values), "value"))
	}
	return page.err
}
