package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func (a *app) outputsCommand() *cobra.Command {
	var where scope
	var output string
	cmd := &cobra.Command{
		Use:   "outputs [PATH|GIT-URL] [KEY[.OUTPUT]]",
		Short: "Show what live resources give, such as IDs and URLs",
		Long: `Outputs lists what is live of the stack and what each resource gives to others:
its ID, its host name and the like. A KEY chooses one resource and what is below
it; KEY.OUTPUT prints that value and nothing else.

Exit status: 0 done; 1 error, or there is no such key or output; 3 something
could not be read.`,
		Example: `  reconcile outputs
  reconcile outputs Container/api
  curl "$(reconcile outputs Container/api.publicEndpoint)"
  reconcile outputs -o json infra/prod`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && reconcile.Key(args[0]).Valid() && !isFolder(args[0]) {
				args = []string{"", args[0]}
			}
			where.location = first(args)
			return a.outputs(cmd.Context(), where, first(args[min(1, len(args)):]), output)
		},
	}
	where.flags(cmd)
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// given are the outputs of live resources, by key.
type given struct {
	FormatVersion string                              `json:"format_version"`
	Stack         string                              `json:"stack"`
	Complete      bool                                `json:"complete"`
	Outputs       map[reconcile.Key]map[string]string `json:"outputs"`
}

func (a *app) outputs(ctx context.Context, where scope, name, output string) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	s, err := a.prepare(ctx, where, false)
	if err != nil {
		return err
	}
	defer s.close()
	s.engine.Lookups = nil // what manifests are to be filled with does not matter to what is live
	world, err := s.engine.Observe(ctx, s.wish)
	if err != nil {
		return err
	}
	all := given{FormatVersion: "1", Stack: s.src.Stack.Name, Complete: s.tellUnread(world), Outputs: map[reconcile.Key]map[string]string{}}
	for key, r := range s.engine.Found(s.wish, world) {
		all.Outputs[key] = r.Outputs
	}
	if !all.Complete {
		a.code = exitIncomplete
	}
	value, err := all.choose(name)
	switch {
	case err != nil:
		return err
	case output == "json":
		return indented(a.out, all)
	case value != "":
		_, err = fmt.Fprintln(a.out, reconcile.Clean(value))
		return err
	}
	return s.outputsText(all)
}

// tellUnread says which listings failed; it is true if none did.
func (s *session) tellUnread(world *reconcile.World) bool {
	complete := true
	for _, receipt := range world.Receipts {
		if !receipt.Complete && !receipt.OutOfScope {
			complete = false
			fmt.Fprintf(s.err, "%s in %s could not be read: %s\n", receipt.Kind, orElse(receipt.Scope.Place, "all places"), reconcile.Clean(receipt.Reason))
		}
	}
	return complete
}

// choose keeps what is under a key, or of KEY.OUTPUT the value.
func (g *given) choose(name string) (value string, err error) {
	if name == "" {
		return "", nil
	}
	key, output := reconcile.Key(name), ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 && g.Outputs[key] == nil {
		key, output = key[:i], name[i+1:]
	}
	if output == "" {
		below := func(k reconcile.Key, _ map[string]string) bool { return !k.Below(key) }
		kept := maps.Clone(g.Outputs)
		if maps.DeleteFunc(kept, below); len(kept) == 0 {
			return "", g.unknown(key)
		}
		g.Outputs = kept
		return "", nil
	}
	outputs, ok := g.Outputs[key]
	switch {
	case !ok:
		return "", g.unknown(key)
	case outputs[output] == "":
		return "", fmt.Errorf("outputs: %s has no output %s (yet); it has %s", key, output, strings.Join(named(outputs), ", "))
	}
	g.Outputs = map[reconcile.Key]map[string]string{key: {output: outputs[output]}}
	return outputs[output], nil
}

func (g *given) unknown(key reconcile.Key) error {
	var keys []string
	for known := range g.Outputs {
		keys = append(keys, string(known))
	}
	slices.Sort(keys)
	if near := reconcile.Nearest(string(key), keys); near != "" {
		return fmt.Errorf("outputs: nothing of this stack is live under %s; did you mean %s?", key, near)
	}
	return fmt.Errorf("outputs: nothing of this stack is live under %s; reconcile outputs without a key lists all", key)
}

// named are the outputs that have a value.
func named(outputs map[string]string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		if outputs[name] != "" {
			names = append(names, name)
		}
	}
	return names
}

func (s *session) outputsText(all given) error {
	if len(all.Outputs) == 0 {
		fmt.Fprintf(s.err, "Nothing of %s is live.\n", all.Stack)
	}
	for _, key := range slices.Sorted(maps.Keys(all.Outputs)) {
		fmt.Fprintln(s.out, reconcile.Clean(string(key)))
		for _, name := range named(all.Outputs[key]) {
			if _, err := fmt.Fprintf(s.out, "  %-16s  %s\n", name, reconcile.Clean(all.Outputs[key][name])); err != nil {
				return err
			}
		}
	}
	return nil
}
