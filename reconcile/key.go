package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// A Key is a resource's address inside its stack: a path of kinds and names.
// Container/api is a manifest; Container/api/Trigger/nightly is what it expands to.
// A last word without a name, as in Container/api/Namespace, is a resource of
// which its parent has exactly one.
type Key string

// NewKey returns the key of a manifest.
func NewKey(kind, name string) Key { return Key(kind + "/" + name) }

// Child returns the key of what k expands to. An empty name gives the form
// without a name.
func (k Key) Child(kind, name string) Key {
	if name == "" {
		return k + "/" + Key(kind)
	}
	return k + "/" + Key(kind) + "/" + Key(name)
}

// Kind is the kind of the resource itself.
func (k Key) Kind() string {
	words := k.words()
	return words[(len(words)-1)/2*2]
}

// Name is the name of the resource itself; a resource without one takes its parent's.
func (k Key) Name() string {
	words := k.words()
	return words[len(words)-1-len(words)%2]
}

// Manifest is the key of the manifest that asked for the resource: the first two words.
func (k Key) Manifest() Key {
	words := k.words()
	return Key(strings.Join(words[:min(2, len(words))], "/"))
}

// Below tells whether k is other or something that other expands to.
func (k Key) Below(other Key) bool {
	return k == other || strings.HasPrefix(string(k), string(other)+"/")
}

// Valid tells whether the key is a path of at least a kind and a name.
func (k Key) Valid() bool {
	words := k.words()
	if len(words) < 2 {
		return false
	}
	for i, word := range words {
		if word == "" || i%2 == 0 && !kindName.MatchString(word) {
			return false
		}
	}
	return true
}

// Digest stands for a key in a mark that is too small for it: "~" and 16 hex digits.
func (k Key) Digest() Key {
	sum := sha256.Sum256([]byte(k))
	return Key("~" + hex.EncodeToString(sum[:8]))
}

func (k Key) isDigest() bool { return strings.HasPrefix(string(k), "~") }

func (k Key) words() []string {
	words := strings.Split(string(k), "/")
	if len(words) == 1 {
		return append(words, "")
	}
	return words
}

var (
	kindName     = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	manifestName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
)

// CheckName says what is wrong with a manifest's name; nil if nothing is.
// Names go into marks, host names and file names, so they are kept to what all of these take.
func CheckName(name string) error {
	if manifestName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("name %q: use 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit", name)
}
