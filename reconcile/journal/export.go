package journal

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A seal is the last line of a stack's records in an export. Seqs tells which
// records they are, so that an export of some of them can be checked as well.
type seal struct {
	Version int    `json:"v"`
	Stack   string `json:"stack"`
	Count   int64  `json:"count"` // of the lines
	Seqs    ranges `json:"seqs"`  // "1-40", or "3-7,12" of a choice
	Head    string `json:"head"`  // the hash of the last record
	Sum     string `json:"hash"`  // of this line, which follows that record
}

// Export writes records, by stack and number, as JSON lines in canonical form,
// each with its own hash. A line after a stack's last record holds the chain's
// head and count. Any choice of records can be exported and checked.
func Export(w io.Writer, records iter.Seq2[reconcile.Record, error]) error {
	out := bufio.NewWriter(w)
	end := seal{Version: reconcile.RecordVersion}
	for r, err := range records {
		if err != nil {
			return err
		}
		if end.Count > 0 && r.Stack != end.Stack {
			if err := end.write(out); err != nil {
				return err
			}
			end = seal{Version: reconcile.RecordVersion}
		}
		if err := writeLine(out, r); err != nil {
			return fmt.Errorf("export record %d: %w", r.Seq, err)
		}
		end.Stack, end.Head = r.Stack, r.Sum
		end.Count++
		end.Seqs.add(r.Seq)
	}
	if err := end.write(out); err != nil {
		return err
	}
	return out.Flush()
}

func (s seal) write(w io.Writer) error {
	canonical, err := s.canonical()
	if err != nil {
		return err
	}
	if s.Sum, err = reconcile.Digest(s.Head, canonical); err != nil {
		return err
	}
	return writeLine(w, s)
}

// canonical are the bytes that the line's hash covers.
func (s seal) canonical() ([]byte, error) {
	line, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return reconcile.CanonicalJSON(line, "hash")
}

func writeLine(w io.Writer, value any) error {
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	canonical, err := reconcile.CanonicalJSON(line)
	if err != nil {
		return err
	}
	_, err = w.Write(append(canonical, '\n'))
	return err
}
