package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Salt is an inventory as files for a Salt master: a roster for salt-ssh, and
// pillars. They are the same bytes for the same devices.
type Salt struct {
	Files   []SaltFile // by name
	Notices []string   // devices that are left out, and why
}

// A SaltFile is one of the files.
type SaltFile struct {
	Name   string // from the top of the export, slash-separated
	Data   []byte
	Minion string // whose pillar it is, "" if it is no pillar
}

// SaltPillars is the folder in the export that holds nothing but pillars of minions.
const SaltPillars = "pillar/reconcile"

// saltHead has Salt take a file for JSON and nothing else: Jinja in a value would
// otherwise run on the master. Readers of YAML take it for a comment.
const saltHead = "#!json\n"

var minionForm = regexp.MustCompile(`^[a-z0-9.-]{1,253}$`)

// NewSalt makes the files of devices. A minion's ID is its device's name.
func NewSalt(entries []Entry) *Salt {
	s := &Salt{}
	roster, top := map[string]any{}, map[string]any{}
	for id, e := range s.minions(entries) {
		if address := e.Address(); address != "" {
			roster[id] = map[string]any{"host": address}
		} else {
			s.Notices = append(s.Notices, fmt.Sprintf("%s is in no roster: it has no primary address", id))
		}
		name := strings.ReplaceAll(id, ".", "_") // Salt takes a dot in a name for a slash
		top[id] = []any{map[string]any{"match": "list"}, "reconcile." + name}
		s.Files = append(s.Files, SaltFile{SaltPillars + "/" + name + ".sls", saltText(e.exported()), id})
	}
	s.Files = append(s.Files, SaltFile{Name: "roster", Data: saltText(roster)}, SaltFile{Name: "pillar/top.sls", Data: saltText(map[string]any{"base": top})})
	slices.SortFunc(s.Files, func(a, b SaltFile) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(s.Notices)
	return s
}

// minions are the devices whose names are IDs of minions, each of one device.
func (s *Salt) minions(entries []Entry) map[string]*Entry {
	count := map[string]int{}
	for i := range entries {
		count[entries[i].Row.Name]++
	}
	out := map[string]*Entry{}
	for i := range entries {
		e := &entries[i]
		switch name := e.Row.Name; {
		case !minionForm.MatchString(name):
			s.Notices = append(s.Notices, fmt.Sprintf("device %d is left out: its name, %q, is no ID of a minion, which takes a-z, 0-9, dots and dashes", e.Row.ID, name))
		case count[name] > 1:
			s.Notices = append(s.Notices, fmt.Sprintf("device %d is left out: another device is %s too", e.Row.ID, name))
		default:
			out[name] = e
		}
	}
	return out
}

// IsSaltPillar tells whether a file of SaltPillars is one that an export wrote.
func IsSaltPillar(name string, data []byte) bool {
	return strings.HasSuffix(name, ".sls") && bytes.HasPrefix(data, []byte(saltHead))
}

// saltText is a value as JSON that is YAML, too.
func saltText(value any) []byte {
	var out bytes.Buffer
	out.WriteString(saltHead)
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		panic(err) // facts are strings, numbers and lists
	}
	return escapedForYAML(out.String())
}

// escapedForYAML writes what JSON may hold as it is, and YAML may not, as JSON escapes.
func escapedForYAML(text string) []byte {
	var out strings.Builder
	for _, r := range text {
		if r >= 0x7f && r <= 0x9f || r == 0xfeff || r == 0xfffe || r == 0xffff {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return []byte(out.String())
}
