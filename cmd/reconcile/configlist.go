package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/providers/secret"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
	"gitlab.com/reconciled/reconciled/reconcile/secrets"
)

func (a *app) configList() *cobra.Command {
	var f configFlags
	var output string
	cmd := &cobra.Command{
		Use:   "ls [PATH]",
		Short: "List the values that are kept, who takes them, and which are missing",
		Long: `Ls lists the secrets in the stack's folder of Secret Manager, and those that its
manifests look up elsewhere there: revision, age and where they are looked up.
With --sops it lists the keys of an encrypted file, which stand there in clear.
Values are not read.

Exit status: 0 listed; 1 error.`,
		Example: `  reconcile config ls
  reconcile config ls --sops secrets.enc.yaml
  reconcile config ls -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args)
			return a.listValues(cmd.Context(), f, output)
		},
	}
	f.flags(cmd)
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// keptValue is a value as config ls tells of it.
type keptValue struct {
	Name     string    `json:"name"`
	Place    string    `json:"place,omitempty"` // region
	Revision int       `json:"revision,omitempty"`
	At       time.Time `json:"at,omitzero"` // of the revision
	UsedBy   []string  `json:"used_by"`
	State    string    `json:"state"` // set, no value, missing, nobody's, another stack's, or what the manifest KEY makes
}

type keptValues struct {
	FormatVersion string      `json:"format_version"`
	Stack         string      `json:"stack"`
	Values        []keptValue `json:"values"`
}

func (a *app) listValues(ctx context.Context, f configFlags, output string) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	c, err := a.configuring(ctx, f, false)
	if err != nil {
		return err
	}
	defer c.close()
	all := keptValues{FormatVersion: "1", Stack: c.src.Stack.Name}
	if c.sops != "" {
		all.Values, err = c.inFile()
	} else {
		all.Values, err = c.inManager(ctx)
	}
	if err != nil {
		return err
	}
	if output == "json" {
		return indented(a.out, all)
	}
	return c.valuesText(all.Values)
}

func (c *configuring) valuesText(values []keptValue) error {
	if len(values) == 0 {
		fmt.Fprintln(c.err, "There are none; reconcile config set NAME makes one.")
		return nil
	}
	rows := [][]string{{"NAME", "REVISION", "AGE", "STATE", "USED BY"}}
	for _, v := range values {
		revision, age := "", ""
		if v.Revision > 0 {
			revision, age = fmt.Sprint(v.Revision), report.Ago(v.At, c.clock.Now())
		}
		used := strings.Join(v.UsedBy, ", ")
		rows = append(rows, []string{v.Name, revision, age, v.State, orElse(used, "nothing")})
	}
	page := c.sheet(c.out)
	page.table(rows)
	return page.err
}

// inFile lists the keys of an encrypted file, and those that are looked up in vain.
func (c *configuring) inFile() ([]keptValue, error) {
	cabinet, err := c.cabinet()
	if err != nil {
		return nil, err
	}
	data, there, err := c.encrypted()
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("there is no file %s", c.sops)
	}
	keys, err := cabinet.Keys(c.sops, data)
	if err != nil {
		return nil, err
	}
	out := []keptValue{}
	for _, key := range keys {
		out = append(out, keptValue{Name: key, State: "set", UsedBy: shorts(c.users(key))})
	}
	for _, v := range c.asked() {
		has, err := cabinet.Has(c.sops, data, v.Key)
		known := slices.ContainsFunc(out, func(k keptValue) bool { return k.Name == v.Key })
		if v.Sort == "sops" && v.Name == c.inTree() && err == nil && !has && !known {
			out = append(out, keptValue{Name: v.Key, State: "missing", UsedBy: shorts(c.users(v.Key))})
		}
	}
	return out, nil
}

// inManager lists the secrets of the folder, and those that manifests look up.
func (c *configuring) inManager(ctx context.Context) ([]keptValue, error) {
	folder, err := c.kept()
	if err != nil {
		return nil, err
	}
	found, err := folder.List(ctx)
	if err != nil {
		return nil, err
	}
	uses := map[secrets.Address][]reconcile.Pos{}
	for _, v := range c.asked() {
		if v.Sort == "secretManager" {
			uses[c.address(v)] = append(uses[c.address(v)], v.Pos)
		}
	}
	var out []keptValue
	known := map[secrets.Address]bool{}
	for _, one := range found {
		at := secrets.Address{Region: one.Region, Path: one.Path, Name: one.Name}
		known[at] = true
		out = append(out, keptValue{Name: at.String(), Place: at.Region, State: c.stateOf(one), UsedBy: shorts(uses[at])})
	}
	for at, users := range uses {
		if known[at] {
			continue
		}
		elsewhere, err := folder.Reader.Find(ctx, at.Region, folder.Project, at.Path, at.Name)
		state := c.stateOf(elsewhere)
		if reconcile.ClassOf(err) == reconcile.NotFound {
			state = "missing"
		} else if err != nil {
			return nil, err
		}
		found = append(found, elsewhere)
		out = append(out, keptValue{Name: at.String(), Place: at.Region, State: state, UsedBy: shorts(users)})
	}
	err = c.revisions(ctx, folder, found, out)
	slices.SortFunc(out, func(a, b keptValue) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Place, b.Place))
	})
	return out, err
}

func (c *configuring) stateOf(one secret.Found) string {
	switch m := one.Mark; {
	case m.Stack == "":
		return "nobody's"
	case !c.src.Stack.MayRead(m):
		return "another stack's"
	case m.Key != "":
		return "of " + string(m.Key)
	}
	return "set"
}

// revisions finds the versions in use, a few at a time.
func (c *configuring) revisions(ctx context.Context, folder secret.Folder, found []secret.Found, out []keptValue) error {
	errs := make([]error, len(found))
	slots := make(chan struct{}, 10)
	var all sync.WaitGroup
	for i := range found {
		if found[i].ID == "" || out[i].State == "another stack's" {
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			newest, err := folder.Newest(ctx, found[i])
			if errs[i] = err; newest.Revision == 0 && out[i].State == "set" {
				out[i].State = "no value"
			}
			out[i].Revision, out[i].At = newest.Revision, newest.At
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
