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
	part, err := writeBeside(name, mode, write)
	if err != nil {
		return err
	}
	if err = os.Rename(part, name); err != nil {
		_ = os.Remove(part)
	}
	return err
}

// writeBeside writes what is to take a file's place into a new file beside it,
// and returns its name. Nothing of it is left if that fails.
func writeBeside(name string, mode os.FileMode, write func(io.Writer) error) (string, error) {
	part, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.part")
	if err != nil {
		return "", err
	}
	if err = write(part); err == nil {
		err = errors.Join(part.Chmod(mode), part.Sync())
	}
	if err = errors.Join(err, part.Close()); err != nil {
		_ = os.Remove(part.Name())
	}
	return part.Name(), err
}

// replaceFile puts a file in place of the one of that name, with the mode that it had.
func replaceFile(name string, data []byte) error {
	return writeWhole(name, modeOf(name), bytesOf(data))
}

// modeOf is the mode of a file, or that of a new one.
func modeOf(name string) os.FileMode {
	if info, err := os.Stat(name); err == nil {
		return info.Mode().Perm()
	}
	return 0o644
}

func bytesOf(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}
