package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// writeWhole writes a file by way of a new one beside it: whole or not at all,
// and never what a link leads to.
func writeWhole(name string, mode os.FileMode, write func(io.Writer) error) error {
	part, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.part")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	if err = write(part); err == nil {
		err = errors.Join(part.Chmod(mode), part.Sync())
	}
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), name)
	}
	return err
}

// replaceFile puts a file in place of the one of that name, with the mode that it had.
func replaceFile(name string, data []byte) error {
	mode := os.FileMode(0o644)
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	return writeWhole(name, mode, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
