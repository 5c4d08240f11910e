package secret

import (
	"cmp"
	"path"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Secret is a secret of Secret Manager and its value.
type Secret struct {
	Region      string           `yaml:"region" plan:"place" doc:"Region; may be left out if the stack has just one."`
	Name        string           `yaml:"name" doc:"Its name at Scaleway, such as DATABASE_URL; the manifest's if left out."`
	Path        string           `yaml:"path" default:"/" plan:"in" doc:"Folder that it is in. Two secrets of one folder have different names."`
	Description string           `yaml:"description" plan:"keep" doc:"For people."`
	Type        string           `yaml:"type" default:"opaque" plan:"replace" check:"enum=opaque|key_value|basic_credentials|database_credentials|ssh_key|certificate" doc:"Shape of the value. All but opaque and certificate want JSON, a map of texts."`
	Protected   bool             `yaml:"protected" default:"false" plan:"keep" doc:"Scaleway deletes it only once this is false."`
	Value       reconcile.Secret `yaml:"value" plan:"fresh" doc:"Its value, by valueFrom. A change makes a new version."`
	Generate    *Generate        `yaml:"generate" doc:"Makes up a value instead, which nobody gets to see. A change of anything here makes up a new one."`
}

// Generate is how a value is made up.
type Generate struct {
	Length   int    `yaml:"length" default:"32" check:"min=8,max=256" doc:"Characters."`
	AtLeast  int    `yaml:"atLeast" default:"1" check:"min=0,max=8" doc:"So many of each: capital letters, small letters, digits, special characters."`
	Special  string `yaml:"special" default:"!-_" doc:"The special characters to choose from; none if empty. Those of the default need no escaping in a URL."`
	Rotation string `yaml:"rotation" doc:"Any text; a change makes up a new value, such as 2026-11."`
}

// Default fills what depends on other fields. A value that is made up stands for
// itself by how it is made, so that nobody needs to know it to compare it.
func (s *Secret) Default() {
	if strings.HasPrefix(s.Path, "/") {
		s.Path = path.Clean(s.Path)
	}
	if s.Generate != nil && s.Value.IsZero() {
		s.Value = s.Generate.secret()
	}
}

// Title implements reconcile.Titled.
func (s *Secret) Title(name string) string {
	s.Name = cmp.Or(s.Name, name)
	return s.Name
}

var (
	_ reconcile.Defaulter = (*Secret)(nil)
	_ reconcile.Titled    = (*Secret)(nil)
)
