package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// VerifyExport checks a file that Export wrote, byte for byte, and returns the
// heads of its chains. A *Break names the first line and record that are not
// what was written, or that are missing. Of an export of some records only it
// checks that they are these, each whole and in order.
func VerifyExport(r io.Reader) ([]Head, error) {
	c, err := verifyExport(r)
	return c.heads, err
}

func verifyExport(r io.Reader) (*checker, error) {
	c := &checker{in: bufio.NewReader(r), done: map[string]bool{}}
	for {
		line, err := c.in.ReadBytes('\n')
		switch {
		case err == nil:
			c.line++
			if err := c.read(line[:len(line)-1]); err != nil {
				return c, c.place(err)
			}
		case !errors.Is(err, io.EOF):
			return c, fmt.Errorf("read the export: %w", err)
		case len(line) > 0:
			c.line++
			return c, c.broken("the line is not complete: the file was cut off, or its last byte was changed")
		default:
			return c, c.end()
		}
	}
}

// checker reads an export line by line.
type checker struct {
	in    *bufio.Reader
	line  int
	heads []Head
	done  map[string]bool // stacks that have their last line

	whole  ranges // what was read of the last stack that is done
	before string // hash of the record before its first

	at   Head   // the chain being read
	seqs ranges // what was read of it
}

func (c *checker) read(line []byte) error {
	canonical, err := reconcile.CanonicalJSON(line)
	if err != nil {
		return c.broken("%s was changed: it is not readable", c.next())
	}
	if !bytes.Equal(canonical, line) {
		return c.broken("%s was changed: it is not written as it was", c.next())
	}
	payload, err := reconcile.CanonicalJSON(line, "hash")
	if err != nil {
		return err
	}
	if end, ok := sealOf(line); ok {
		return c.close(end, payload)
	}
	var r reconcile.Record
	if err := json.Unmarshal(line, &r); err != nil || r.Seq < 1 {
		return c.broken("%s was changed: it is no record", c.next())
	}
	return c.record(r, payload)
}

// next names what is expected on the line, for lines that do not say themselves.
func (c *checker) next() string {
	if c.at.Count == 0 {
		return "the line"
	}
	return fmt.Sprintf("the line after record %d", c.at.Count)
}

func (c *checker) record(r reconcile.Record, payload []byte) error {
	if len(c.seqs) == 0 {
		c.at, c.before = Head{Stack: r.Stack}, r.Prev
		if c.done[r.Stack] {
			return c.broken("record %d (%s) was inserted: its stack has ended", r.Seq, r.Tag)
		}
	}
	if r.Stack == c.at.Stack && r.Seq > c.at.Count+1 {
		// Between records of a choice others are left out; the last line says which.
		c.at.Count, c.at.Sum = r.Seq-1, r.Prev
	}
	var err error
	if c.at, err = c.at.Next(r, payload); err != nil {
		return err
	}
	c.seqs.add(r.Seq)
	return nil
}

// sealOf tells whether the line is a stack's last.
func sealOf(line []byte) (seal, bool) {
	var end struct {
		seal
		Head *string `json:"head"`
	}
	if err := json.Unmarshal(line, &end); err != nil || end.Head == nil {
		return seal{}, false
	}
	end.seal.Head = *end.Head
	return end.seal, true
}

// close checks a stack's records against its last line.
func (c *checker) close(end seal, payload []byte) error {
	head := Head{Stack: end.Stack, Count: end.Count, Sum: end.Head}
	sum, err := reconcile.Digest(end.Head, payload)
	switch n, extra := firstDifference(c.seqs, end.Seqs); {
	case err != nil || sum != end.Sum:
		return c.broken("the last line was changed: its hash does not fit")
	case len(c.seqs) > 0 && c.at.Stack != end.Stack:
		return c.broken("the last line was removed: this is that of %s", end.Stack)
	case extra:
		return c.about(n, "record %d was inserted: the last line does not name it")
	case n > 0:
		c.at.Stack = end.Stack
		return c.about(n, "record %d was removed or moved: the last line names it")
	case c.at.Sum != end.Head:
		return c.about(c.at.Count, "record %d was replaced: the last line has another hash of it")
	}
	c.heads, c.done[end.Stack] = append(c.heads, head), true
	c.at, c.whole, c.seqs = Head{}, c.seqs, nil
	return nil
}

// end checks that nothing is missing where the file ends.
func (c *checker) end() error {
	switch {
	case len(c.seqs) > 0:
		c.line++
		return c.broken("the file was cut off after record %d: the last line is missing", c.at.Count)
	case c.line == 0:
		c.line++
		return c.broken("the file is empty: not even the last line is there")
	}
	return nil
}

func (c *checker) broken(format string, args ...any) error {
	return &Break{Line: c.line, Stack: c.at.Stack, Reason: fmt.Sprintf(format, args...)}
}

func (c *checker) about(seq int64, format string) error {
	return &Break{Line: c.line, Stack: c.at.Stack, Seq: seq, Reason: fmt.Sprintf(format, seq)}
}

// place adds the line to a break that was found without one.
func (c *checker) place(err error) error {
	var b *Break
	if errors.As(err, &b) {
		b.Line = c.line
	}
	return err
}
