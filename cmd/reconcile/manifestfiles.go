package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// inFolderOnly refuses what is no folder that is read as it is: nothing can be
// written elsewhere.
func inFolderOnly(what string, where scope) error {
	switch {
	case where.ref != "":
		return fmt.Errorf("%s: --ref reads a commit, and files are written in a folder; leave it out", what)
	case where.location != "" && !isFolder(where.location):
		return fmt.Errorf("%s: %s is no folder of this machine; clone the repository and name its folder", what, reconcile.Clean(where.location))
	}
	return nil
}

// manifests is the folder that the stack's files are in.
func (s *session) manifests() string { return filepath.Join(s.location, filepath.FromSlash(s.path)) }

// drafts are files of the stack that are being edited. Nothing is written before
// commit.
type drafts struct {
	tree    fs.FS
	before  map[string][]byte
	editors map[string]*manifest.Editor
}

func newDrafts(tree fs.FS) *drafts {
	return &drafts{tree: tree, before: map[string][]byte{}, editors: map[string]*manifest.Editor{}}
}

// of is the editor of a file.
func (d *drafts) of(file string) (*manifest.Editor, error) {
	if e := d.editors[file]; e != nil {
		return e, nil
	}
	data, err := fs.ReadFile(d.tree, file)
	if err != nil {
		return nil, err
	}
	e, err := manifest.NewEditor(file, data)
	if err == nil {
		d.before[file], d.editors[file] = data, e
	}
	return e, err
}

// changed are the files that are not as they were.
func (d *drafts) changed() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(d.editors)), func(file string) bool {
		return bytes.Equal(d.before[file], d.editors[file].Bytes())
	})
}

// drafted is a tree in which some files are as their editors have them.
type drafted struct {
	fs.FS
	texts map[string][]byte
}

func (d *drafts) edited() fs.FS {
	out := drafted{d.tree, map[string][]byte{}}
	for _, file := range d.changed() {
		out.texts[file] = d.editors[file].Bytes()
	}
	return out
}

func (d drafted) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(d.FS, name) }
func (d drafted) Stat(name string) (fs.FileInfo, error)      { return fs.Stat(d.FS, name) }

func (d drafted) Open(name string) (fs.File, error) {
	file, err := d.FS.Open(name)
	text, ok := d.texts[name]
	if err != nil || !ok {
		return file, err
	}
	return &draftFile{file, bytes.NewReader(text)}, nil
}

// draftFile is a file with another content.
type draftFile struct {
	fs.File
	text *bytes.Reader
}

func (f *draftFile) Read(p []byte) (int, error) { return f.text.Read(p) }

// commit writes the files that changed. All of them are looked at, and written
// beside the old ones, before the first is replaced: so a full disk leaves all as
// they were. One in which no document is left is removed.
func (d *drafts) commit(folder string) error {
	parts := map[string]string{} // by file; "" for one that goes
	defer func() {
		for _, part := range parts {
			_ = os.Remove(part) // of those that did not get to their place
		}
	}()
	for _, file := range d.changed() {
		part, err := d.prepare(file, filepath.Join(folder, filepath.FromSlash(file)))
		if err != nil {
			return fmt.Errorf("write %s: %w; nothing was written", file, err)
		}
		parts[file] = part
	}
	var done []string
	for _, file := range d.changed() {
		if err := takePlace(parts[file], filepath.Join(folder, filepath.FromSlash(file))); err != nil {
			return fmt.Errorf("write %s: %w; written were: %s", file, err, orElse(strings.Join(done, ", "), "none"))
		}
		done = append(done, file)
	}
	return nil
}

func takePlace(part, name string) error {
	if part == "" {
		return os.Remove(name)
	}
	return os.Rename(part, name)
}

// prepare writes what is to take a file's place beside it, and returns its name;
// "" if the file is to go.
func (d *drafts) prepare(file, name string) (string, error) {
	data, err := os.ReadFile(name)
	mode := modeOf(name)
	switch {
	case err != nil:
		return "", err
	case !bytes.Equal(data, d.before[file]):
		return "", errors.New("somebody else has changed it meanwhile; run it again")
	case mode&0o200 == 0:
		return "", errors.New("it is read-only; allow its owner to write it (chmod u+w)")
	case d.editors[file].Empty():
		return "", nil
	}
	return writeBeside(name, mode, bytesOf(d.editors[file].Bytes()))
}

// nodeOf is a value of a spec as manifests write it. git is what stands there, so
// that the order of a set stays.
func nodeOf(f *reconcile.Field, value, git any) *reconcile.Node {
	none := reconcile.Pos{}
	if f.Shape == reconcile.Struct {
		return &reconcile.Node{Kind: reconcile.MapNode}
	}
	v := reflect.ValueOf(value)
	switch {
	case v.Kind() == reflect.Slice:
		items := []*reconcile.Node{}
		for _, item := range elements(f, v, git) {
			items = append(items, nodeOf(&reconcile.Field{Type: f.Type}, item, nil))
		}
		return reconcile.List(none, items...)
	case v.Type() == reflect.TypeFor[time.Duration]():
		return reconcile.String(durationText(value.(time.Duration)), none)
	case v.Kind() == reflect.Bool:
		return reconcile.Bool(v.Bool(), none)
	case v.CanInt():
		return reconcile.Int(v.Int(), none)
	case v.CanUint():
		return &reconcile.Node{Kind: reconcile.IntNode, Text: strconv.FormatUint(v.Uint(), 10)}
	case v.CanFloat():
		text := strconv.FormatFloat(v.Float(), 'f', -1, 64)
		kind := reconcile.FloatNode
		if !strings.Contains(text, ".") {
			kind = reconcile.IntNode
		}
		return &reconcile.Node{Kind: kind, Text: text}
	}
	return reconcile.String(v.String(), none)
}

// elements are those of a list; those of a set that stand in Git stay in
// its order.
func elements(f *reconcile.Field, live reflect.Value, git any) []any {
	var all, out []any
	for i := range live.Len() {
		all = append(all, live.Index(i).Interface())
	}
	if stands := reflect.ValueOf(git); f.Plan.Has("set") && stands.Kind() == reflect.Slice {
		for i := range stands.Len() {
			if item := stands.Index(i).Interface(); slices.Contains(all, item) && !slices.Contains(out, item) {
				out = append(out, item)
			}
		}
		for _, item := range all {
			if !slices.Contains(out, item) {
				out = append(out, item)
			}
		}
		return out
	}
	return all
}

// durationText is a duration without the units that are zero.
func durationText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// longestInLine is how much of a value is shown on a line.
const longestInLine = 60

// inLine is a value as a line of a summary has it.
func inLine(value any) string {
	if value == nil {
		return "nothing"
	}
	text := fmt.Sprint(value)
	if v := reflect.ValueOf(value); v.Kind() == reflect.Slice {
		var items []string
		for i := range v.Len() {
			items = append(items, fmt.Sprint(v.Index(i).Interface()))
		}
		text = "[" + strings.Join(items, ", ") + "]"
	}
	if text = reconcile.Clean(text); text == "" {
		return `""`
	}
	if runes := []rune(text); len(runes) > longestInLine {
		return string(runes[:longestInLine-20]) + "..." + string(runes[len(runes)-17:])
	}
	return text
}

// nodeKind is how values of a type are written.
func nodeKind(t reflect.Type) reconcile.NodeKind {
	switch {
	case t == nil || t == reflect.TypeFor[time.Duration]():
		return reconcile.StringNode
	case t.Kind() == reflect.Bool:
		return reconcile.BoolNode
	case t.Kind() == reflect.Float64:
		return reconcile.FloatNode
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return reconcile.IntNode
	}
	return reconcile.StringNode
}
