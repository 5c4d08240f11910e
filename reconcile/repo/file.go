package repo

import (
	"bytes"
	"io"
	"io/fs"
	"time"
)

// info describes a file or folder. It is an fs.FileInfo and an fs.DirEntry;
// for a DirEntry, stat is asked when somebody wants more than name and mode.
type info struct {
	name string
	mode fs.FileMode
	size int64
	when time.Time
	stat func() (fs.FileInfo, error)
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return i.when }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }
func (i info) Type() fs.FileMode  { return i.mode.Type() }

func (i info) Info() (fs.FileInfo, error) {
	if i.stat == nil {
		return i, nil
	}
	return i.stat()
}

func (i info) String() string { return fs.FormatDirEntry(i) }

// An openFile is a file that was read whole, and so was checked whole.
type openFile struct {
	info info
	*bytes.Reader
}

func newFile(i info, body []byte) *openFile {
	i.size = int64(len(body))
	return &openFile{info: i, Reader: bytes.NewReader(body)}
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

// An openDir is a folder that is being listed.
type openDir struct {
	info    info
	entries []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: fs.ErrInvalid}
}

// ReadDir gives the next n entries, or all that are left if n is not positive.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(d.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.entries) {
		n = len(d.entries)
	}
	out := d.entries[:n:n]
	d.entries = d.entries[n:]
	return out, nil
}
