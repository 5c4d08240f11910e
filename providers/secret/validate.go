package secret

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

const (
	longestName  = 255
	longestValue = 64 << 10
	longestText  = 64 // of rotation, which is kept in the description of a version
)

var (
	names    = regexp.MustCompile(`^[_a-zA-Z0-9]([-_.a-zA-Z0-9]*[_a-zA-Z0-9])?$`)
	specials = regexp.MustCompile(`^[!-/:-@\[-` + "`" + `{-~]*$`) // what is printable ASCII, and no letter, digit or space
)

// shapes are the fields that the values of some types have.
var shapes = map[string][]string{
	"key_value":            nil,
	"basic_credentials":    {"username", "password"},
	"database_credentials": {"engine", "username", "password", "host", "dbname", "port"},
	"ssh_key":              {"ssh_private_key"},
}

// faults gathers what is wrong. What is said of a field that is not known yet is left out.
type faults struct {
	unknown []string
	found   []reconcile.Fault
}

func (f *faults) add(wrong bool, path, format string, args ...any) {
	if wrong && !slices.Contains(f.unknown, path) {
		f.found = append(f.found, reconcile.Fault{Path: path, Message: path + ": " + fmt.Sprintf(format, args...)})
	}
}

// Validate says what the API would refuse. It never shows a value.
func (p secrets) Validate(s Secret, unknown []string) []reconcile.Fault {
	f := &faults{unknown: unknown}
	f.add(s.Name != "" && (len(s.Name) > longestName || !names.MatchString(s.Name)), "name",
		"%q is no name of a secret: up to %d letters, digits, _, - and ., beginning and ending with a letter, a digit or _", s.Name, longestName)
	f.add(!strings.HasPrefix(s.Path, "/"), "path", "%q is no folder: it begins with /", s.Path)
	given := s.Value.Reveal() != "" || slices.Contains(unknown, "value")
	switch {
	case given && s.Generate != nil:
		f.add(true, "generate", "value and generate exclude each other; leave one of them out")
	case s.Generate != nil:
		f.generate(s)
	case !given:
		f.found = append(f.found, reconcile.Fault{
			Message: "a secret needs a value or generate",
			Hint:    "add value: {valueFrom: ...}, or generate: {} to have one made up; a secret whose values people set needs no manifest",
		})
	default:
		f.value(s)
	}
	return f.found
}

func (f *faults) generate(s Secret) {
	g := s.Generate
	f.add(s.Type != "opaque", "generate", "makes up a plain text, which is no value of type %s", s.Type)
	f.add(!specials.MatchString(g.Special), "generate.special", "takes special characters only, such as !-_")
	f.add(g.AtLeast*len(g.classes()) > g.Length, "generate.atLeast", "%d of each of %d sorts of characters do not fit into %d", g.AtLeast, len(g.classes()), g.Length)
	f.add(len(g.Rotation) > longestText, "generate.rotation", "is %d characters long; it takes %d", len(g.Rotation), longestText)
}

func (f *faults) value(s Secret) {
	text := s.Value.Reveal()
	f.add(len(text) > longestValue, "value", "is longer than the %d bytes that the API takes", longestValue)
	need, shaped := shapes[s.Type]
	if !shaped || text == "" {
		return
	}
	var fields map[string]string
	if json.Unmarshal([]byte(text), &fields) != nil {
		f.add(true, "value", "is no JSON map of texts, which a secret of type %s has to be", s.Type)
		return
	}
	for _, name := range need {
		_, there := fields[name]
		f.add(!there, "value", "lacks %s, which a secret of type %s has", name, s.Type)
	}
}
