package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The errors of this package, for errors.Is.
var (
	// ErrUnknownCommit means that the repository has no such commit, or no longer gives it.
	ErrUnknownCommit = errors.New("unknown commit")
	// ErrUnknownRef means that the repository has no such branch or tag.
	ErrUnknownRef = errors.New("unknown branch or tag")
	// ErrHistoryEnds means that the question needs more history than there is,
	// or than may be walked.
	ErrHistoryEnds = errors.New("history ends")
	// ErrLimit means that what was sent or found is more than Options allow.
	ErrLimit = errors.New("over the limit")
	// ErrDamaged means that an object on disk is not what its name says.
	ErrDamaged = errors.New("damaged object")
	// ErrMissing means that an object that others refer to is not there.
	ErrMissing = errors.New("missing object")
	// ErrDenied means that the server refuses the credentials, or wants some.
	ErrDenied = errors.New("access denied")
	// ErrHostKey means that the server is not the one that known_hosts names.
	ErrHostKey = errors.New("unknown host key")
	// ErrUnavailable means that the server is failing, too slow or out of reach.
	ErrUnavailable = errors.New("unavailable")
	// ErrChanged means that a file changed while the folder was being read.
	ErrChanged = errors.New("changed while it was read")
)

// A RefusedEntry is something in a folder or tree that is never read: a
// symbolic link, a submodule, a device, or a name that no file should have.
type RefusedEntry struct {
	Path   string // inside the folder, slashes between names
	Mode   fs.FileMode
	Reason string
}

func (e *RefusedEntry) Error() string {
	return fmt.Sprintf("refused to read %s: %s", quote(e.Path), e.Reason)
}

// A FetchError is what went wrong between us and a Git server. It keeps no
// cause, whose text might hold a credential; errors.Is tells its class.
type FetchError struct {
	Doing  string // what was attempted
	URL    string // masked
	Reason string
	Fix    string // what to do about it, if that is known
	class  error
}

func (e *FetchError) Error() string {
	text := fmt.Sprintf("%s from %s: %s", e.Doing, e.URL, e.Reason)
	if e.Fix != "" {
		text += "; " + e.Fix
	}
	return text
}

// Is tells the error's class, one of this package's errors or of context's.
func (e *FetchError) Is(target error) bool { return e.class != nil && errors.Is(e.class, target) }

// A fault is a reason with its class and remedy, on its way to a FetchError.
type fault struct {
	class  error
	reason string
	fix    string
}

func (f *fault) Error() string {
	if f.fix == "" {
		return f.reason
	}
	return f.reason + "; " + f.fix
}

func (f *fault) Unwrap() error { return f.class }

func faultf(class error, fix, format string, args ...any) error {
	return &fault{class: class, fix: fix, reason: fmt.Sprintf(format, args...)}
}

// guard turns a panic on malformed data into an error: a hostile repository
// must not end the process.
func guard(doing string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: malformed data: %v", doing, p)
	}
}

// maxSaid bounds what we repeat of others' words, in bytes.
const maxSaid = 300

// printable is what others wrote, made fit for one line of a terminal or log.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// clip shortens a text. Secrets are to be taken out before: half of one would
// not be found.
func clip(text string) string {
	if len(text) <= maxSaid {
		return text
	}
	return strings.ToValidUTF8(text[:maxSaid], "") + "..."
}

// quote is a path as errors show it: bare where that is safe.
func quote(path string) string {
	if len(path) <= maxSaid && printable(path) == path && path != "" {
		return path
	}
	if len(path) > maxSaid {
		return fmt.Sprintf("%+q...", path[:maxSaid])
	}
	return fmt.Sprintf("%+q", path)
}
