//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package repo

import "os"

// tryLock always succeeds where files have no advisory locks: two processes may
// then fetch the same thing twice, which harms nobody, since every file of a
// store is named by its content or replaced at once.
func tryLock(*os.File) (bool, error) { return true, nil }
