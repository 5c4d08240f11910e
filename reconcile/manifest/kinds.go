package manifest

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// stackKind is the kind of the Stack's own manifest.
const stackKind = "Stack"

// sortOf is an apiVersion and a kind.
type sortOf struct{ apiVersion, kind string }

// kinds are what manifests may be.
type kinds struct {
	all         []reconcile.Kind
	byName      map[string]*reconcile.Kind
	aliases     map[sortOf]*reconcile.Alias
	names       map[string][]string // kinds by apiVersion
	versions    []string
	secretNames []string // of fields that hold secrets
}

func newKinds(all []reconcile.Kind) *kinds {
	k := &kinds{
		all:     all,
		byName:  make(map[string]*reconcile.Kind, len(all)),
		aliases: map[sortOf]*reconcile.Alias{},
		names:   map[string][]string{},
	}
	k.accept(reconcile.APIVersion, stackKind)
	for i := range all {
		kind := &all[i]
		k.byName[kind.Name] = kind
		k.secretNames = append(k.secretNames, secretNames(kind.Fields)...)
		if !kind.Retired {
			k.accept(reconcile.APIVersion, kind.Name)
		}
		for j := range kind.Aliases {
			alias := &kind.Aliases[j]
			k.aliases[sortOf{alias.APIVersion, alias.Kind}] = alias
			k.accept(alias.APIVersion, alias.Kind)
		}
	}
	return k
}

func (k *kinds) accept(apiVersion, kind string) {
	if k.names[apiVersion] == nil {
		k.versions = append(k.versions, apiVersion)
	}
	k.names[apiVersion] = append(k.names[apiVersion], kind)
}

// isManifest tells whether a document is meant for us: its apiVersion is one of
// ours, of the same group, or near one; or it has none, but settings and a kind
// of ours. Other documents are other programs'.
func (k *kinds) isManifest(root *yaml.Node) bool {
	var apiVersion, kind string
	hasSpec := false
	for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); i += 2 {
		switch root.Content[i].Value {
		case "apiVersion":
			apiVersion = root.Content[i+1].Value
		case "kind":
			kind = root.Content[i+1].Value
		case "spec":
			hasSpec = true
		}
	}
	if apiVersion != "" {
		return k.isNearVersion(apiVersion)
	}
	return hasSpec && k.isNearKind(kind)
}

func (k *kinds) isNearVersion(apiVersion string) bool {
	if reconcile.Nearest(apiVersion, k.versions) != "" {
		return true
	}
	group, _, _ := strings.Cut(apiVersion, "/")
	return slices.ContainsFunc(k.versions, func(version string) bool {
		ours, _, versioned := strings.Cut(version, "/")
		return version == apiVersion || versioned && strings.EqualFold(group, ours)
	})
}

func (k *kinds) isNearKind(kind string) bool {
	return slices.ContainsFunc(k.versions, func(version string) bool {
		return reconcile.Nearest(kind, k.names[version]) != ""
	})
}
