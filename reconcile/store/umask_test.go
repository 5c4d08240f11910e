//go:build unix

package store

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// childUmask makes a store under a umask that hides nothing, writes to it, and
// prints the modes of all that it has made while it is open.
func childUmask(dir string) error {
	syscall.Umask(0)
	s, err := Open(dir)
	if err != nil {
		return err
	}
	lease, err := s.Lease(context.Background(), stack, "child")
	if err != nil {
		return err
	}
	if err := lease.Journal().Append(context.Background(), step("Container/a", 1)...); err != nil {
		return err
	}
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var stat syscall.Stat_t
		if err := syscall.Lstat(path, &stat); err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		fmt.Printf("%s %04o\n", name, stat.Mode&0o7777)
		return nil
	})
	return err
}
