package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// What an API key must be allowed, as a policy of Scaleway's IAM: the least with
// which the stacks can be planned and applied.

// policyFlags are what doctor is asked about policies.
type policyFlags struct {
	print        bool
	readOnly     bool
	config       string
	organization string
}

// policyFor is one key's policy; its JSON is a request to
// POST /iam/v1alpha1/policies, see
// https://www.scaleway.com/en/developers/api/iam/#path-policies-create-a-new-policy
type policyFor struct {
	Name         string       `json:"name"`
	Description  string       `json:"description"`
	Organization string       `json:"organization_id,omitempty"`
	NoPrincipal  bool         `json:"no_principal"` // it is bound to whom people choose
	Rules        []policyRule `json:"rules"`
}

type policyRule struct {
	PermissionSets []string `json:"permission_set_names"`
	Projects       []string `json:"project_ids,omitempty"`
	Organization   string   `json:"organization_id,omitempty"`
}

// reach is what one stack asks of a key.
type reach struct {
	key     string // name of the credential; "" is the environment's
	project string
	kinds   []string // empty: all
	write   bool
	values  bool // manifests look up secrets of Secret Manager
}

// readsSecrets tells whether manifests look up secrets of Secret Manager.
func readsSecrets(src *reconcile.Source) bool {
	return slices.ContainsFunc(src.Manifests, func(m reconcile.Manifest) bool {
		return slices.ContainsFunc(m.Lookups(), func(v reconcile.ValueFrom) bool { return v.Sort == "secretManager" })
	})
}

// Sets of the whole organization, with which plan and drift can tell who changed
// what (AuditTrailReadOnly, and IAMReadOnly for their names and for who we are),
// doctor and the metrics when the key ends, and doctor the project's name. Nothing
// else needs them.
var wholeOrganization = []string{"AuditTrailReadOnly", "IAMReadOnly", "ProjectReadOnly"}

// policy prints the policies. A stack that cannot be read makes them incomplete.
func (a *app) policy(ctx context.Context, where scope, f policyFlags, output string) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	var all []reach
	var err error
	if f.config != "" {
		if where.location != "" {
			return errors.New("--config says which stacks; leave PATH out")
		}
		all, err = a.reachOfConfig(ctx, f.config)
	} else {
		all, err = a.reachOf(ctx, where)
	}
	if err != nil {
		return err
	}
	policies := policiesFor(all, f.readOnly, f.organization)
	if output == "json" {
		return indented(a.out, map[string]any{"format_version": "1", "policies": policies})
	}
	return writePolicies(a.out, policies)
}

// reachOf is what the stack of a folder or URL asks for.
func (a *app) reachOf(ctx context.Context, where scope) ([]reach, error) {
	s, err := a.read(ctx, where)
	if s != nil {
		defer s.close()
	}
	if err != nil {
		return nil, err
	}
	one := reach{project: orElse(s.src.Stack.Project, a.getenv(scw.ScwDefaultProjectIDEnv)), write: s.src.Stack.Policy.Mode != "observe"}
	one.values = readsSecrets(s.src)
	if one.project == "" {
		return nil, fmt.Errorf("%s names no project: write scaleway.project into its Stack manifest, or set %s", s.src.Stack.Name, scw.ScwDefaultProjectIDEnv)
	}
	return []reach{one}, nil
}

// reachOfConfig is what the stacks of an operator's file ask for.
func (a *app) reachOfConfig(ctx context.Context, file string) ([]reach, error) {
	config, _, err := readConfig(file)
	var bad *badConfig
	if errors.As(err, &bad) {
		bad.tell(a.err)
		return nil, saidError{exitError}
	}
	if err != nil {
		return nil, err
	}
	from := newCheckouts(filepath.Join(orElse(a.flags.store, filepath.Join(a.dir, ".reconcile")), "git"), a.getenv)
	var all []reach
	for _, e := range config.Stacks {
		one, err := a.reachOfEntry(ctx, &config, e, from)
		if err != nil {
			fmt.Fprintf(a.err, "%s: %s; the policies lack what it needs\n", e.Name, reconcile.Clean(err.Error()))
			a.code = exitIncomplete
			continue
		}
		all = append(all, one)
	}
	return all, nil
}

func (a *app) reachOfEntry(ctx context.Context, config *daemon.Config, e daemon.Entry, from *checkouts) (reach, error) {
	git, _ := config.GitOf(e)
	repository, err := from.of(ctx, e, git)
	if err != nil {
		return reach{}, err
	}
	commit, err := repository.head(ctx)
	if err != nil {
		return reach{}, err
	}
	r, err := from.stack(ctx, repository, e, git, commit, knownKinds())
	if err != nil {
		return reach{}, err
	}
	credential, named := config.CredentialOf(e)
	otherwise := credential.Project
	if !named {
		otherwise = a.getenv(scw.ScwDefaultProjectIDEnv)
	}
	one := reach{key: credential.Name, project: orElse(r.src.Stack.Project, otherwise), kinds: e.Bounds.Kinds}
	one.values = readsSecrets(r.src)
	one.write = e.Mode != "observe" && r.src.Stack.Policy.Mode != "observe"
	if one.project == "" {
		return reach{}, errors.New("it names no project, nor does its credential")
	}
	return one, nil
}

// policiesFor makes a policy for each key, with a rule for each project.
func policiesFor(all []reach, readOnly bool, organization string) []policyFor {
	type place struct{ key, project string }
	sets := map[place]map[string]bool{}
	keys := map[string]bool{}
	for _, one := range all {
		at := place{one.key, one.project}
		if keys[one.key] = true; sets[at] == nil {
			sets[at] = map[string]bool{}
		}
		one.write = one.write && !readOnly
		one.permit(sets[at])
	}
	var out []policyFor
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		p := policyFor{Name: "reconcile", Description: "What reconcile needs to apply its stacks, and nothing else", Organization: organization, NoPrincipal: true}
		if readOnly {
			p.Name, p.Description = "reconcile-plan", "What reconcile needs to plan its stacks; it can change nothing"
		}
		if key != "" {
			p.Name += "-" + key
		}
		for at, names := range sets {
			if at.key == key {
				p.Rules = append(p.Rules, policyRule{PermissionSets: slices.Sorted(maps.Keys(names)), Projects: []string{at.project}})
			}
		}
		slices.SortFunc(p.Rules, func(x, y policyRule) int { return strings.Compare(x.Projects[0], y.Projects[0]) })
		if organization != "" {
			p.Rules = append(p.Rules, policyRule{PermissionSets: wholeOrganization, Organization: organization})
		}
		out = append(out, p)
	}
	return out
}

// permit adds what the kinds need. What may be written needs no right to be read.
func (r reach) permit(sets map[string]bool) {
	if r.values {
		sets["SecretManagerSecretAccess"] = true
		if !sets["SecretManagerFullAccess"] {
			sets["SecretManagerReadOnly"] = true
		}
	}
	for _, kind := range knownKinds() {
		switch {
		case kind.Elsewhere: // Scaleway's rights do not reach there
		case len(r.kinds) > 0 && !slices.Contains(r.kinds, kind.Name):
		case r.write:
			sets[kind.Needs.Write] = true
			delete(sets, kind.Needs.Read)
		case !sets[kind.Needs.Write]:
			sets[kind.Needs.Read] = true
		}
	}
}

// writePolicies prints the policies as commands of scw. Its arguments are
// documented in https://github.com/scaleway/scaleway-cli/blob/master/docs/commands/iam.md
func writePolicies(w io.Writer, policies []policyFor) error {
	var text strings.Builder
	for _, p := range policies {
		fmt.Fprintf(&text, "# %s. APPLICATION_ID is whose API key it is for.\n", p.Description)
		fmt.Fprintf(&text, "scw iam policy create name=%s description='%s' application-id=\"$APPLICATION_ID\"", p.Name, p.Description)
		if p.Organization != "" {
			fmt.Fprintf(&text, " organization-id=%s", p.Organization)
		}
		for i, rule := range p.Rules {
			text.WriteString(" \\\n ")
			for n, project := range rule.Projects {
				fmt.Fprintf(&text, " rules.%d.project-ids.%d=%s", i, n, project)
			}
			if rule.Organization != "" {
				fmt.Fprintf(&text, " rules.%d.organization-id=%s", i, rule.Organization)
			}
			for n, set := range rule.PermissionSets {
				fmt.Fprintf(&text, " rules.%d.permission-set-names.%d=%s", i, n, set)
			}
		}
		text.WriteString("\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}
