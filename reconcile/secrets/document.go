package secrets

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/getsops/sops/v3"
)

// document is what stands in an encrypted file: values by keys, or one value.
type document struct {
	branches sops.TreeBranches
	whole    *string // of a file that is encrypted as a whole
	digest   string  // of the file as it is encrypted
}

// at is the value at a key: names from the top down with dots between them, and
// numbers from 0 in lists. Where a name has a dot itself the longest one counts.
func (d *document) at(key string) (string, error) {
	switch {
	case d.whole != nil && key != "":
		return "", errors.New("it is encrypted as a whole and has no keys; leave the key out")
	case d.whole != nil:
		return *d.whole, nil
	case key == "":
		return "", errors.New("which value? name its key, as FILE#KEY or with key")
	}
	err, furthest := missing("key", key, nil), -1
	for _, branch := range d.branches {
		text, depth, problem := follow(branch, key)
		if problem == nil {
			return text, nil
		}
		if depth > furthest {
			err, furthest = problem, depth
		}
	}
	return "", err
}

// follow goes down from a value along a key, and says how far it came.
func follow(value any, key string) (text string, depth int, err error) {
	for left := key; ; depth++ {
		name, next, known := step(value, left)
		if name == "" {
			err := missing("key", left, known)
			if above := strings.TrimSuffix(strings.TrimSuffix(key, left), "."); above != "" {
				err = fmt.Errorf("below %s %w", above, err)
			}
			return "", depth, err
		}
		if len(name) == len(left) {
			if text, ok := scalar(next); ok {
				return text, depth, nil
			}
			return "", depth, fmt.Errorf("key %s is no single value; name one below it", key)
		}
		value, left = next, left[len(name)+1:]
	}
}

// step finds what a key begins with. If there is nothing the name is "", and
// known are the names that there are.
func step(value any, key string) (name string, next any, known []string) {
	switch value := value.(type) {
	case sops.TreeBranch:
		for _, item := range value {
			one, ok := item.Key.(string)
			if !ok {
				continue
			}
			known = append(known, one)
			if len(one) > len(name) && (key == one || strings.HasPrefix(key, one+".")) {
				name, next = one, item.Value
			}
		}
	case []any:
		items := withoutComments(value)
		word, _, _ := strings.Cut(key, ".")
		if i, err := strconv.Atoi(word); err == nil && i >= 0 && i < len(items) && strconv.Itoa(i) == word {
			return word, items[i], nil
		}
		known = append(known, fmt.Sprintf("%d items, counted from 0", len(items)))
	}
	return name, next, known
}

func withoutComments(list []any) []any {
	var items []any
	for _, item := range list {
		if _, comment := item.(sops.Comment); !comment {
			items = append(items, item)
		}
	}
	return items
}

// scalar is a single value as text.
func scalar(value any) (text string, ok bool) {
	switch v := value.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case time.Time:
		return v.Format(time.RFC3339Nano), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case sops.TreeBranch, []any, sops.Comment:
		return "", false
	}
	return fmt.Sprint(value), true
}
