package reconcile

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A ValueFrom says where a value of a manifest comes from.
type ValueFrom struct {
	Sort     string // env, file, sops, secretManager or ref
	Name     string // of the variable; the file's path in the tree; the secret's name; the reference's text
	Key      string // where the value stands in a SOPS file, or in a secret of several fields; "" is all of it
	Path     string // the secret's folder, as /shop; "" is the stack's own
	Region   string // the secret's; "" is the stack's first
	Revision string // the secret's; "" is the newest that is enabled
	Pos      Pos
}

func (v ValueFrom) id() string {
	id := v.Sort + ":" + v.Name
	if more := []string{v.Key, v.Path, v.Region, v.Revision}; strings.Join(more, "") != "" {
		id += fmt.Sprintf(" %q", more)
	}
	return id
}

// String names the place as people know it, never the value.
func (v ValueFrom) String() string {
	text := v.Sort + " " + strings.TrimSuffix(v.Path, "/")
	if v.Path != "" {
		text += "/"
	}
	if text += v.Name; v.Key != "" {
		text += "#" + v.Key
	}
	if v.Revision != "" {
		text += " revision " + v.Revision
	}
	return text
}

var valueSorts = []string{"env", "file", "sops", "secretManager", "ref"}

// valueFrom reads the map below valueFrom. file is the manifest's, to which
// paths are relative.
func valueFrom(n *Node, file string) (ValueFrom, *Problem) {
	refuse := func(message, hint string) (ValueFrom, *Problem) {
		return ValueFrom{}, &Problem{Pos: n.Pos, Message: "valueFrom: " + message, Hint: hint}
	}
	if len(n.Entries) != 1 {
		return refuse("wants exactly one of "+strings.Join(valueSorts, ", "), "")
	}
	e := n.Entries[0]
	v := ValueFrom{Sort: e.Key, Name: e.Value.Scalar(), Pos: e.Pos}
	if !slices.Contains(valueSorts, e.Key) {
		hint := ""
		if near := Nearest(e.Key, valueSorts); near != "" {
			hint = "did you mean " + near + "?"
		}
		return refuse("unknown source "+e.Key+"; there are "+strings.Join(valueSorts, ", "), hint)
	}
	var message, hint string
	switch e.Key {
	case "ref":
		message = v.reference(e.Value)
	case "sops":
		message, hint = v.sops(e.Value)
	case "secretManager":
		message, hint = v.secret(e.Value)
	}
	switch {
	case message != "":
	case v.Name == "":
		message = e.Key + " wants a name"
	case e.Key == "file" || e.Key == "sops":
		message = v.inside(file)
	}
	if message != "" {
		return refuse(message, hint)
	}
	return v, nil
}

func (v *ValueFrom) reference(n *Node) string {
	v.Name = "${" + n.Get("key").Scalar() + "." + n.Get("output").Scalar() + "}"
	if len(outputs(v.Name)) != 1 || len(n.Entries) != 2 {
		return "ref wants {key: Kind/name, output: NAME}"
	}
	return ""
}

// inside makes the name of a file one in the tree.
func (v *ValueFrom) inside(manifest string) string {
	said := v.Name
	v.Name = path.Join(path.Dir(manifest), said)
	if v.Name == ".." || strings.HasPrefix(v.Name, "../") || path.IsAbs(said) {
		return v.Sort + " " + said + " is outside the stack's folder"
	}
	return ""
}

// ValueFile is the file that a valueFrom takes its value from, as it is written
// there; "" if it takes it from no file.
func ValueFile(from *Node) string {
	if file := from.Get("file"); file != nil {
		return textOf(file)
	}
	if sops := from.Get("sops"); sops.Get("file") != nil {
		return textOf(sops.Get("file"))
	}
	name, _, _ := strings.Cut(textOf(from.Get("sops")), "#")
	return name
}

func textOf(n *Node) string {
	if n == nil || n.Kind != StringNode {
		return ""
	}
	return strings.TrimSpace(n.Text)
}

// sops reads {file, key}, or the short form FILE#KEY.
func (v *ValueFrom) sops(n *Node) (message, hint string) {
	if n.Kind < MapNode {
		v.Name, v.Key, _ = strings.Cut(n.Scalar(), "#")
		return "", ""
	}
	message, hint = v.read(n, map[string]*string{"file": &v.Name, "key": &v.Key})
	if message == "" && v.Name == "" {
		message = "sops wants {file: PATH, key: KEY}"
	}
	return message, hint
}

var (
	secretName     = regexp.MustCompile(`^[_a-zA-Z0-9]([-_.a-zA-Z0-9]{0,253}[_a-zA-Z0-9])?$`)
	secretPath     = regexp.MustCompile(`^/$|^(/[-_.a-zA-Z0-9]*[-_a-zA-Z0-9][-_.a-zA-Z0-9]*)+/?$`)
	secretRegion   = regexp.MustCompile(`^[a-z]{2}-[a-z]{3}$`)
	secretRevision = regexp.MustCompile(`^([1-9][0-9]{0,8}|latest|latest_enabled)$`)
)

// secret reads {name, path, region, revision, field}, or the short form NAME or
// /PATH/NAME. What it takes ends up in addresses of the API, so it is checked.
func (v *ValueFrom) secret(n *Node) (message, hint string) {
	if n.Kind < MapNode {
		if i := strings.LastIndexByte(v.Name, '/'); i >= 0 {
			v.Path, v.Name = v.Name[:max(i, 1)], v.Name[i+1:]
		}
	} else {
		message, hint = v.read(n, map[string]*string{"name": &v.Name, "path": &v.Path, "region": &v.Region, "revision": &v.Revision, "field": &v.Key})
	}
	if message != "" {
		return message, hint
	}
	for _, part := range []struct {
		word, text, wants string
		form              *regexp.Regexp
	}{
		{"name", v.Name, "letters, digits, -, _ and ., 255 at most", secretName},
		{"path", v.Path, "folders such as /shop", secretPath},
		{"region", v.Region, "a region such as fr-par", secretRegion},
		{"revision", v.Revision, "a number, latest or latest_enabled", secretRevision},
	} {
		if part.text != "" && !part.form.MatchString(part.text) {
			return fmt.Sprintf("secretManager: %s %q wants %s", part.word, part.text, part.wants), ""
		}
	}
	if v.Path != "/" {
		v.Path = strings.TrimSuffix(v.Path, "/")
	}
	return "", ""
}

// read takes the texts of a map.
func (v *ValueFrom) read(n *Node, into map[string]*string) (message, hint string) {
	if n.Kind != MapNode {
		return v.Sort + " wants a map or a text", ""
	}
	for _, e := range n.Entries {
		text := into[e.Key]
		switch {
		case text == nil:
			if near := Nearest(e.Key, sortedKeys(into)); near != "" {
				hint = "did you mean " + near + "?"
			}
			return fmt.Sprintf("%s: unknown field %q; there are %s", v.Sort, e.Key, strings.Join(sortedKeys(into), ", ")), hint
		case e.Value.Scalar() == "":
			return v.Sort + ": " + e.Key + " wants a text", ""
		}
		*text = e.Value.Scalar()
	}
	return "", ""
}
