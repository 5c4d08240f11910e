package secret

import (
	"path"
	"time"
)

// cleanPath is a folder as the API answers it: from the root, without a slash at its end.
func cleanPath(folder string) string { return path.Clean("/" + folder) }

func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
