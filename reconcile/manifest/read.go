package manifest

import (
	"bytes"
	"io/fs"
	"sync"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Options say what is read.
type Options struct {
	Name  string           // of the stack, when no Stack manifest declares one: the folder's
	Kinds []reconcile.Kind // what manifests may be, under their own names and their aliases
	Only  []string         // read just these files of the tree; they need no Stack
}

// Read reads every manifest below the top of a tree. It never fails: all that is
// wrong is in the source's problems, each at its place, in the order of the files.
func Read(in fs.FS, o Options) *reconcile.Source {
	t := &tree{fs: in}
	if len(o.Only) > 0 {
		t.pick(o.Only)
	} else {
		t.walk(".")
	}
	k := newKinds(o.Kinds)
	units := readUnits(t, k)
	s := &reconcile.Source{
		Stack: undeclared(o.Name), Text: newPages(t, k, units).line, ReadFile: t.readFile, Problems: t.problems,
	}
	assemble(s, units)
	sortByPlace(s.Problems)
	return s
}

// unit is one file and what its documents say.
type unit struct {
	parsed
	entries []entry
	hidden  hidden
}

// job is the content of a file, by its number.
type job struct {
	number int
	data   []byte
}

// readUnits reads and parses the files. Reading is one at a time, so that the
// budget for all files ends at the same one every time. Two are parsed at once,
// but those that may have very many nodes one after the other: yaml.v3 holds the
// nodes of a whole document, at some 200 bytes each, before they can be counted.
func readUnits(t *tree, k *kinds) []unit {
	units := make([]unit, len(t.files))
	take := func(j job, known words) { units[j.number] = readUnit(t.files[j.number], j.data, k, known) }
	jobs := make(chan job)
	var worker sync.WaitGroup
	worker.Go(func() {
		known := words{}
		for j := range jobs {
			take(j, known)
		}
	})
	known := words{}
	read := t.readAll(func(j job) {
		if !mayHaveMany(j.data) {
			select {
			case jobs <- j:
				return
			default: // the worker is busy
			}
		}
		take(j, known)
	})
	close(jobs)
	worker.Wait()
	return units[:read]
}

// readAll gives the files' contents to parse, and returns how many files there
// was room for.
func (t *tree) readAll(parse func(job)) int {
	size := 0
	for i, file := range t.files {
		data, err := t.read(file)
		if err != nil {
			t.add(file, "", "the file cannot be read: "+reason(err))
		}
		if size += len(data); size > MaxStackBytes {
			t.add(file, "split the stack", "YAML files of more than 10 MiB (10485760 bytes), the most that one stack may have")
			return i
		}
		parse(job{i, data})
	}
	return len(t.files)
}

// mayHaveMany tells whether a file could have more nodes than the budget allows.
// Behind each of these characters two nodes at most begin.
func mayHaveMany(data []byte) bool {
	marks := 0
	for _, mark := range []string{"\n", ":", ",", "-", "[", "{", "?"} {
		marks += bytes.Count(data, []byte(mark))
	}
	return 2*marks > MaxNodes
}

func readUnit(file string, data []byte, k *kinds, known words) unit {
	u := unit{parsed: parse(file, data, known, usual, k.isManifest)}
	u.hidden = k.secretLines(u.documents)
	u.hidden.redact(u.problems)
	c := &checker{kinds: k, problems: u.problems}
	for _, doc := range u.documents {
		if e, ok := c.document(doc); ok {
			u.entries = append(u.entries, e)
		}
	}
	u.problems, u.documents = c.problems, nil
	return u
}
