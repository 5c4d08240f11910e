package store

import (
	"context"
	"fmt"
	"os"
)

// A witness is a file beside the database that says how many records it had
// after the last commit. It may lag, for it is not forced to the disk, but it
// never runs ahead; a database with fewer records has lost some.
type witness struct{ file *os.File }

// A mark is what the witness says: a database, by its random name, and its
// number of records.
type mark struct {
	id    string
	total int64
}

// markFormat has a fixed width, so that writing it anew overwrites all of it.
const markFormat = "%32s %020d\n"

func openWitness(path string) (*witness, error) {
	if _, err := makeFile(path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	return &witness{file}, nil
}

// read returns the zero mark if the file says nothing that makes sense. It
// reads until it reads the same twice, for others may be writing.
func (w *witness) read() (m mark) {
	text := w.text()
	for again := w.text(); again != text; again = w.text() {
		text = again
	}
	if _, err := fmt.Sscanf(text, markFormat, &m.id, &m.total); err != nil {
		return mark{}
	}
	return m
}

func (w *witness) text() string {
	text := make([]byte, 64)
	n, _ := w.file.ReadAt(text, 0)
	return string(text[:n])
}

// write notes a mark. It may fail silently: an older mark only sees less.
func (w *witness) write(m mark) {
	_, _ = w.file.WriteAt(fmt.Appendf(nil, markFormat, m.id, m.total), 0)
}

func (w *witness) close() error { return w.file.Close() }

func markOf(ctx context.Context, q queryer) (m mark, err error) {
	err = q.QueryRowContext(ctx, `SELECT value, (SELECT coalesce(sum(count), 0) FROM heads) FROM meta WHERE name = 'id'`).
		Scan(&m.id, &m.total)
	return m, err
}
