package repo

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
)

// An entry is one name in a tree object.
type entry struct {
	name string
	mode fs.FileMode
	hash plumbing.Hash
}

// maxName is the longest file name that file systems take, in bytes.
const maxName = 255

// maxEntries bounds the names in one tree object.
const maxEntries = 100_000

// decodeTree reads the raw bytes of a tree object. It keeps every entry,
// hostile ones too: entryFlaw judges them where they are used.
func decodeTree(raw []byte) ([]entry, error) {
	var entries []entry
	for len(raw) > 0 {
		mode, rest, ok := bytes.Cut(raw, []byte{' '})
		if !ok {
			return nil, fmt.Errorf("tree entry %d has no mode", len(entries)+1)
		}
		name, rest, ok := bytes.Cut(rest, []byte{0})
		if !ok || len(rest) < len(plumbing.Hash{}) {
			return nil, fmt.Errorf("tree entry %d is cut short", len(entries)+1)
		}
		e := entry{name: string(name)}
		copy(e.hash[:], rest)
		var err error
		if e.mode, err = decodeMode(string(mode)); err != nil {
			return nil, err
		}
		if entries = append(entries, e); len(entries) > maxEntries {
			return nil, fmt.Errorf("%w: more than %d names in one folder", ErrLimit, maxEntries)
		}
		raw = rest[len(plumbing.Hash{}):]
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return entries, nil
}

// decodeMode reads Git's octal modes, of which only the kind counts. A submodule
// is irregular: neither a file nor a folder of this repository.
func decodeMode(octal string) (fs.FileMode, error) {
	mode, err := strconv.ParseUint(octal, 8, 17)
	switch {
	case err != nil:
	case mode&0o170000 == 0o100000:
		return 0o444, nil
	case mode&0o170000 == 0o040000:
		return fs.ModeDir | 0o555, nil
	case mode&0o170000 == 0o120000:
		return fs.ModeSymlink, nil
	case mode&0o170000 == 0o160000:
		return fs.ModeIrregular, nil
	}
	return 0, fmt.Errorf("tree entry of mode %s", quote(octal))
}

// checkNames refuses a folder that holds a hostile name, or one name twice.
func checkNames(dir string, entries []entry) error {
	for i, e := range entries {
		reason := nameFlaw(e.name)
		if reason == "" && i > 0 && entries[i-1].name == e.name {
			reason = "the name stands twice in its folder"
		}
		if reason != "" {
			return &RefusedEntry{Path: join(dir, e.name), Mode: e.mode, Reason: reason}
		}
	}
	return nil
}

// ntfsGit matches what Windows opens as .git: its short name, trailing dots and
// spaces, and alternate streams.
var ntfsGit = regexp.MustCompile(`(?i)^(\.git|git~[0-9]+)[ .]*(:.*)?$`)

// hfsIgnored are the code points that macOS leaves out when it compares names.
const hfsIgnored = "\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u206a\u206b\u206c\u206d\u206e\u206f\ufeff"

// nameFlaw says why a name is hostile, "" if it is not. Names are judged for
// all systems alike, so that a repository means the same everywhere.
func nameFlaw(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case name == "." || name == "..":
		return "the name climbs out of its folder"
	case len(name) > maxName:
		return fmt.Sprintf("the name is longer than %d bytes", maxName)
	case strings.ContainsAny(name, "/\\"):
		return "the name holds a path separator"
	case !utf8.ValidString(name):
		return "the name is not UTF-8"
	case strings.ContainsFunc(name, isControl):
		return "the name holds control characters"
	case ntfsGit.MatchString(withoutIgnored(name)):
		return "the name stands for .git"
	case len(name) > 1 && name[1] == ':' && (name[0]|0x20) >= 'a' && (name[0]|0x20) <= 'z':
		return "the name is a drive"
	}
	return ""
}

func withoutIgnored(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(hfsIgnored, r) {
			return -1
		}
		return r
	}, name)
}

// kindFlaw says why an entry that is neither file nor folder is not read.
func kindFlaw(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "it is a symbolic link; put the file itself there"
	case mode&fs.ModeIrregular != 0:
		return "it is another repository inside this one (a submodule, say); copy its files, or make it a source of its own"
	case !mode.IsRegular() && !mode.IsDir():
		return "it is neither a file nor a folder"
	}
	return ""
}

// join is path.Join without cleaning, so that a hostile name stays visible.
func join(dir, name string) string {
	if dir == "." || dir == "" {
		return name
	}
	return dir + "/" + name
}
