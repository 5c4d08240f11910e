package repo

import (
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxRef bounds a ref's length, in bytes.
const maxRef = 255

// isHash tells whether a ref is a full commit hash, in lower case.
func isHash(ref string) bool {
	return len(ref) == 40 && strings.Trim(ref, "0123456789abcdef") == ""
}

// parseHash reads a full commit hash as marks hold it, with or without the "+".
func parseHash(text string) (plumbing.Hash, error) {
	hex := strings.TrimSuffix(text, "+")
	if !isHash(hex) {
		return plumbing.ZeroHash, fmt.Errorf("%w: %s is not a full commit hash of 40 digits", ErrUnknownCommit, quote(text))
	}
	return plumbing.NewHash(hex), nil
}

// checkRef refuses names that Git would not give to a branch or tag, before
// they reach a server, a command line or a path.
func checkRef(ref string) error {
	if reason := refFlaw(ref); reason != "" {
		return fmt.Errorf("ref %s: %s; name a branch, a tag or a full commit hash", quote(ref), reason)
	}
	return nil
}

func refFlaw(ref string) string {
	switch {
	case ref == "" || isHash(ref):
		return ""
	case len(ref) > maxRef:
		return "it is too long"
	case len(ref) == 64 && strings.Trim(ref, "0123456789abcdef") == "":
		return "SHA-256 repositories are not supported"
	case strings.HasPrefix(ref, "-"):
		return "it begins with -"
	case ref == "@" || strings.Contains(ref, "@{"):
		return "it is an expression, not a name"
	case strings.Contains(ref, "..") || strings.HasSuffix(ref, "."):
		return "it has dots that Git refuses"
	case strings.ContainsAny(ref, " ~^:?*[\\") || quote(ref) != ref:
		return "it has characters that Git refuses"
	}
	return componentFlaw(ref)
}

func componentFlaw(ref string) string {
	for _, part := range strings.Split(ref, "/") {
		switch {
		case part == "":
			return "it has an empty part between slashes"
		case strings.HasPrefix(part, "."):
			return "a part begins with a dot"
		case strings.HasSuffix(part, ".lock"):
			return "a part ends in .lock"
		}
	}
	return ""
}

// refNames are the full names that a ref may stand for, by namespace.
func refNames(ref string) []string {
	switch {
	case ref == "" || ref == "HEAD":
		return []string{"HEAD"}
	case strings.HasPrefix(ref, "refs/"):
		return []string{ref}
	}
	return []string{"refs/heads/" + ref, "refs/tags/" + ref}
}

// pickRef chooses among the names that were found. A name that is both a
// branch and a tag is an error: which one was meant is not ours to guess.
func pickRef(ref string, found map[string]plumbing.Hash) (plumbing.Hash, error) {
	var hits []string
	for _, name := range refNames(ref) {
		if _, ok := found[name]; ok {
			hits = append(hits, name)
		}
	}
	switch {
	case len(hits) == 0 && refNames(ref)[0] == "HEAD":
		return plumbing.ZeroHash, faultf(ErrUnknownRef, "commit something, or name a branch", "it has no default branch yet")
	case len(hits) == 0:
		return plumbing.ZeroHash, faultf(ErrUnknownRef, "check the name", "there is no branch or tag %s", quote(ref))
	case len(hits) > 1 && found[hits[0]] != found[hits[1]]:
		return plumbing.ZeroHash, faultf(ErrUnknownRef, "say refs/heads/"+ref+" or refs/tags/"+ref, "%s is both a branch and a tag", quote(ref))
	}
	return found[hits[0]], nil
}
