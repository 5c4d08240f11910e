package journal

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Choose gives the records that a filter chooses, as a store does.
func Choose(f reconcile.RecordFilter, records iter.Seq2[reconcile.Record, error]) iter.Seq2[reconcile.Record, error] {
	return func(yield func(reconcile.Record, error) bool) {
		given := 0
		for r, err := range records {
			if err == nil && !chosen(f, r) {
				continue
			}
			if !yield(r, err) || err != nil {
				return
			}
			if given++; given == f.Limit {
				return
			}
		}
	}
}

func chosen(f reconcile.RecordFilter, r reconcile.Record) bool {
	switch {
	case f.Stack != "" && r.Stack != f.Stack, f.JID != "" && r.JID != f.JID, r.Seq <= f.After:
		return false
	case f.Key != "" && r.Key != f.Key && !strings.HasPrefix(string(r.Key), string(f.Key)+"/"):
		return false
	case !f.Since.IsZero() && r.Stamp.Before(f.Since), !f.Until.IsZero() && !r.Stamp.Before(f.Until):
		return false
	}
	return true
}

// Exported gives the records in a file that Export wrote. It checks nothing: see
// VerifyExport.
func Exported(file io.Reader) iter.Seq2[reconcile.Record, error] {
	return func(yield func(reconcile.Record, error) bool) {
		in := bufio.NewReader(file)
		for {
			line, err := in.ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				return
			}
			var r reconcile.Record
			if err == nil {
				if _, end := sealOf(line); end {
					continue
				}
				err = json.Unmarshal(line, &r)
			}
			if err != nil {
				yield(r, fmt.Errorf("read the export: %w", err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}
