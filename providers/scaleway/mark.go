package scaleway

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// The words of a mark, as tags or in a description.
const (
	stackWord = "reconcile:stack="
	keyWord   = "reconcile:key="
	revWord   = "reconcile:rev="
)

// LongestTag is how long a tag may be. No limit is documented, so it is kept
// to what short texts of the API take, such as a server's description.
const LongestTag = 255

// Tags are a resource's tags: its mark, labels, then the tags of others. Marks
// among the others are left out, and so are repetitions and older values of the
// labels. The result is never nil, which an API would take for "unchanged".
func Tags(mark reconcile.Mark, labels, others []string) []string {
	tags := append(make([]string, 0, 3+len(labels)+len(others)), markWords(mark, LongestTag)...)
	for i, tag := range slices.Concat(labels, others) {
		old := i >= len(labels) && named(labels, tag)
		if !isMark(tag) && !old && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return tags
}

// named tells whether one of the labels has the name of the tag, whose value it then replaces.
func named(labels []string, tag string) bool {
	name, _, ok := strings.Cut(tag, "=")
	return ok && slices.ContainsFunc(labels, func(label string) bool { return strings.HasPrefix(label, name+"=") })
}

// ParseTags finds the mark among tags, and the tags of others. A mark that is
// not whole, or of which there is more than one, is none: nobody may act on it.
func ParseTags(tags []string) (mark reconcile.Mark, others []string) {
	found := map[string]string{}
	twice := false
	for _, tag := range tags {
		word, value, ok := cutMark(tag)
		if !ok {
			others = append(others, tag)
			continue
		}
		before, seen := found[word]
		twice = twice || seen && before != value
		found[word] = value
	}
	if twice {
		return reconcile.Mark{}, others
	}
	return parseMark(found), others
}

// Whose is the mark that tags bear, also where it is not whole: nobody may act on
// such a one, but all others are to keep away from what bears it.
func Whose(tags []string) reconcile.Mark {
	if mark, _ := ParseTags(tags); !mark.IsZero() {
		return mark
	}
	var owners []string
	for _, tag := range tags {
		if owner, ok := strings.CutPrefix(tag, stackWord); ok && !slices.Contains(owners, owner) {
			owners = append(owners, owner)
		}
	}
	if len(owners) != 1 {
		return reconcile.Mark{Stack: strings.Join(owners, " and ")}
	}
	mark := parseMark(map[string]string{stackWord: owners[0], keyWord: "?"})
	mark.Key = ""
	return mark
}

// OwnerTag marks what a person made for a stack, and no manifest asks for.
func OwnerTag(of reconcile.Mark) string { return stackWord + of.Owner() }

// MarkText puts a mark behind a text, for what has a description but no tags.
// The key gives way if it is too long together with the text; if that does not
// suffice the text is refused.
func MarkText(mark reconcile.Mark, text string, longest int) (string, error) {
	room := longest
	if text != "" {
		room -= len(text) + 1
	}
	words := strings.Join(markWords(mark, longest), " ")
	if len(words) > room {
		mark.Key = mark.Key.Digest()
		words = strings.Join(markWords(mark, longest), " ")
	}
	if len(words) > room {
		return "", invalid("the description is too long: %d characters of %d are needed for the mark", len(words)+1, longest)
	}
	if text == "" {
		return words, nil
	}
	return text + " " + words, nil
}

// ParseText is the reverse of MarkText.
func ParseText(text string) (mark reconcile.Mark, rest string) {
	first := len(text)
	for _, word := range []string{stackWord, keyWord, revWord} {
		if i := strings.Index(text, word); i >= 0 && (i == 0 || text[i-1] == ' ') {
			first = min(first, i)
		}
	}
	mark, others := ParseTags(strings.Fields(text[first:]))
	rest = strings.TrimSuffix(text[:first], " ")
	if len(others) > 0 {
		rest = strings.TrimPrefix(rest+" "+strings.Join(others, " "), " ")
	}
	return mark, rest
}

// markWords are the mark's words. One without a stack or a key is none.
func markWords(mark reconcile.Mark, longest int) []string {
	if mark.Stack == "" || mark.Key == "" {
		return nil
	}
	if len(keyWord)+len(mark.Key) > longest {
		mark.Key = mark.Key.Digest()
	}
	words := []string{stackWord + mark.Owner(), keyWord + string(mark.Key)}
	if mark.Rev != "" {
		words = append(words, revWord+mark.Rev)
	}
	return words
}

func isMark(tag string) bool {
	_, _, ok := cutMark(tag)
	return ok
}

func cutMark(tag string) (word, value string, ok bool) {
	for _, word := range []string{stackWord, keyWord, revWord} {
		if value, ok := strings.CutPrefix(tag, word); ok {
			return word, value, true
		}
	}
	return "", "", false
}

func parseMark(found map[string]string) reconcile.Mark {
	mark := reconcile.Mark{Stack: found[stackWord], Key: reconcile.Key(found[keyWord]), Rev: found[revWord]}
	if mark.Stack == "" || mark.Key == "" {
		return reconcile.Mark{}
	}
	return mark.Owned(found[stackWord])
}

// ShortName fits a name into a limit: its beginning and five hex digits of its
// hash, so that the same name is always shortened the same way. The notice says
// so, and is empty if the name fits.
func ShortName(name string, longest int) (short, notice string) {
	if len(name) <= longest {
		return name, ""
	}
	sum := sha256.Sum256([]byte(name))
	head := strings.TrimRight(name[:longest-6], "-")
	short = head + "-" + hex.EncodeToString(sum[:])[:5]
	return short, fmt.Sprintf("Scaleway takes names of at most %d characters here, so its name there is %s", longest, short)
}
