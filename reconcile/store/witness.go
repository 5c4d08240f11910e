package store

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// read returns the zero mark if the file says nothing that makes sense.
func (w *witness) read() (m mark, err error) {
	text := make([]byte, 64)
	n, err := w.file.ReadAt(text, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return m, fmt.Errorf("read %s: %w", w.file.Name(), err)
	}
	if _, err := fmt.Sscanf(string(text[:n]), markFormat, &m.id, &m.total); err != nil {
		return mark{}, nil
	}
	return m, nil
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
