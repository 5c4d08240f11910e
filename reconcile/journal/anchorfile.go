package journal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FileAnchor keeps checkpoints as lines of a file that only grows. It does most
// where whoever can write to the store cannot take lines out of it: on another
// machine's mount, or with the attribute append-only.
type FileAnchor struct{ Path string }

var (
	_ Anchor  = FileAnchor{}
	_ losable = FileAnchor{}
)

// Name is the file's path.
func (f FileAnchor) Name() string { return f.Path }

// there fails if the file that was written to before is gone.
func (f FileAnchor) there() error {
	if _, err := os.Stat(f.Path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the file with the earlier ones is gone: mount its volume, or make an empty file there to begin anew")
	}
	return nil
}

// Put appends lines that the file does not end with already. They are on the
// disk when it returns. A line that was cut off by a kill or a full disk is
// ended first, and stays as it is.
func (f FileAnchor) Put(_ context.Context, checkpoints []Signed) error {
	file, err := os.OpenFile(f.Path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	var text bytes.Buffer
	if cut, err := cutShort(f.Path); err != nil {
		return err
	} else if cut {
		text.WriteByte('\n')
	}
	for _, c := range checkpoints {
		text.Write(append(c.Line(), '\n'))
	}
	if _, err := file.Write(text.Bytes()); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(f.Path))
}

// cutShort tells whether a file's last line has no end.
func cutShort(path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	_, err = file.ReadAt(last, info.Size()-1)
	return last[0] != '\n', err
}

// syncFolder makes a new name in a folder durable, where the system can.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}

// All reads the file's lines. One that was cut off is left out: its checkpoint
// was put again.
func (f FileAnchor) All(context.Context) ([]Signed, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readCheckpoints(file, f.Path)
}

// readCheckpoints reads lines. What is no checkpoint is an error, but for the
// beginning of one.
func readCheckpoints(r io.Reader, from string) ([]Signed, error) {
	var out []Signed
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, maxCheckpoint), 2*maxCheckpoint)
	for n := 1; lines.Scan(); n++ {
		line := lines.Bytes()
		c, err := DecodeCheckpoint(line)
		switch {
		case err == nil:
			out = append(out, c)
		case len(line) > 0 && !begun(line):
			return out, &Break{Line: n, Reason: fmt.Sprintf("%s was changed: %v", from, err)}
		}
	}
	if err := lines.Err(); err != nil {
		return out, fmt.Errorf("read checkpoints of %s: %w", from, err)
	}
	return out, nil
}

// begun tells whether a line is the beginning of a checkpoint that a kill cut off.
func begun(line []byte) bool {
	const first = `{"count":`
	return bytes.HasPrefix(line, []byte(first[:min(len(line), len(first))])) && line[len(line)-1] != '}'
}
