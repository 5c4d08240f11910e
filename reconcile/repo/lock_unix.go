//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package repo

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the file's lock if nobody has it. Closing the file, or the end
// of the process, gives it back.
func tryLock(file *os.File) (bool, error) {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
