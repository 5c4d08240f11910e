package journal

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A Segment is a stretch of a chain that was exported to a file and removed
// from the store.
type Segment struct {
	Version int    `json:"v"`
	Stack   string `json:"stack"`
	First   int64  `json:"first"` // number of its first record
	Last    int64  `json:"last"`
	Prev    string `json:"prev"` // hash of the record before the first, "" if there was none
	Head    string `json:"head"` // hash of the last
	File    string `json:"file"` // name of the export
	Digest  string `json:"digest"`
	// Anchored is the number of the record whose anchored checkpoint covers it, 0 if none does.
	Anchored int64  `json:"anchored"`
	Reason   string `json:"reason"` // why there is none
}

const (
	segmentVersion = 1
	segmentField   = "segment"
	segmentSuffix  = ".jsonl.gz"
)

// Record is the record that stands for the segment once it is removed.
func (s Segment) Record(actor reconcile.Actor, run string, at time.Time) reconcile.Record {
	text, err := json.Marshal(s)
	if err == nil {
		text, err = reconcile.CanonicalJSON(text)
	}
	if err != nil {
		text = nil // of strings and integers
	}
	comment := fmt.Sprintf("Records %d to %d were exported to %s and removed", s.First, s.Last, s.File)
	if s.Reason != "" {
		comment += ", without an anchored checkpoint: " + s.Reason
	}
	return noteRecord(reconcile.Segment, actor, s.Stack, run, at, segmentField, text, comment)
}

// SegmentOf is the segment that a record stands for; ok is false if it is none.
func SegmentOf(r reconcile.Record) (s Segment, ok bool) {
	text, ok := noted(r, reconcile.Segment, segmentField)
	if !ok || json.Unmarshal(text, &s) != nil {
		return Segment{}, false
	}
	return s, s.Version == segmentVersion && s.Stack == r.Stack && s.First >= 1 && s.First <= s.Last && s.Last < r.Seq
}

// WriteSegment exports records of one stack, by number and without gaps, to a
// new file in a folder, and returns what it wrote. The file is on the disk when
// it returns, and has been read again.
func WriteSegment(dir string, records iter.Seq2[reconcile.Record, error]) (s Segment, err error) {
	tmp, err := os.CreateTemp(dir, ".segment-*")
	if err != nil {
		return s, fmt.Errorf("export a segment: %w", err)
	}
	defer os.Remove(tmp.Name())
	packed := gzip.NewWriter(tmp)
	err = Export(packed, records)
	if err = errors.Join(err, packed.Close(), tmp.Sync(), tmp.Close()); err != nil {
		return s, fmt.Errorf("export a segment: %w", err)
	}
	if s, err = ReadSegment(tmp.Name()); err != nil {
		return s, fmt.Errorf("read the exported segment again: %w", err)
	}
	s.File = fmt.Sprintf("%s.%d-%d%s", fileWord(s.Stack), s.First, s.Last, segmentSuffix)
	path := filepath.Join(dir, s.File)
	if err := os.Link(tmp.Name(), path); errors.Is(err, os.ErrExist) {
		return s, s.same(path) // an earlier try got this far
	} else if err != nil {
		if err := os.Rename(tmp.Name(), path); err != nil { // no hard links here
			return s, fmt.Errorf("export a segment: %w", err)
		}
	}
	return s, syncFolder(dir)
}

// fileWord is a stack's name as part of a file's name; that of all stacks is no name.
func fileWord(stack string) string {
	if stack == reconcile.EveryStack {
		return "all"
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '-'
		}
		return r
	}, stack)
}

// same checks that a file that is there holds the same segment.
func (s Segment) same(path string) error {
	other, err := ReadSegment(path)
	if err == nil && other.Digest != s.Digest {
		err = errors.New("it holds other records")
	}
	if err != nil {
		return fmt.Errorf("export a segment: %s is there already: %w; name another folder", path, err)
	}
	return nil
}

// ReadSegment reads an exported segment through, and checks it as VerifyExport
// does. File is the file's name, Digest that of the unpacked lines.
func ReadSegment(path string) (Segment, error) {
	file, sum, err := openSegment(path)
	if err != nil {
		return Segment{}, err
	}
	defer file.Close()
	c, err := verifyExport(io.TeeReader(file, sum))
	if err != nil {
		return Segment{}, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	if len(c.heads) != 1 || len(c.whole) != 1 {
		return Segment{}, fmt.Errorf("%s: it is not one stretch of one chain", filepath.Base(path))
	}
	return Segment{Version: segmentVersion, Stack: c.heads[0].Stack, First: c.whole[0].first, Last: c.whole[0].last,
		Prev: c.before, Head: c.heads[0].Sum, File: filepath.Base(path), Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil))}, nil
}

// segmentFile is an open export, unpacked as it is read.
type segmentFile struct {
	*gzip.Reader
	file *os.File
}

func (s segmentFile) Close() error { return errors.Join(s.Reader.Close(), s.file.Close()) }

func openSegment(path string) (segmentFile, hash.Hash, error) {
	file, err := os.Open(path)
	if err != nil {
		return segmentFile{}, nil, err
	}
	packed, err := gzip.NewReader(file)
	if err != nil {
		return segmentFile{}, nil, errors.Join(fmt.Errorf("%s: it is no segment: %w", filepath.Base(path), err), file.Close())
	}
	return segmentFile{packed, file}, sha256.New(), nil
}

// Segments reads the exported segments in a folder, by stack and number. Each is
// checked by itself; whether they fit together and to the store is seen when
// their records are.
func Segments(dir string) ([]Segment, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil {
		return nil, err
	}
	var out []Segment
	for _, name := range names {
		s, err := ReadSegment(name)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Segment) int {
		if a.Stack != b.Stack {
			return strings.Compare(a.Stack, b.Stack)
		}
		return int(a.First - b.First)
	})
	return out, nil
}

// Whole gives the records of a stack from the first on: those of its segments
// in a folder, and then the store's. Records that are in both are given once.
func Whole(dir string, segments []Segment, stack string, rest iter.Seq2[reconcile.Record, error]) iter.Seq2[reconcile.Record, error] {
	return func(yield func(reconcile.Record, error) bool) {
		last := int64(0)
		fresh := func(r reconcile.Record, err error) bool {
			if err == nil && r.Seq <= last {
				return true
			}
			last = max(last, r.Seq)
			return yield(r, err)
		}
		for _, s := range segments {
			if s.Stack == stack && !s.each(dir, fresh) {
				return
			}
		}
		rest(fresh)
	}
}

// each gives the segment's records, and tells whether more are wanted.
func (s Segment) each(dir string, yield func(reconcile.Record, error) bool) bool {
	file, _, err := openSegment(filepath.Join(dir, s.File))
	if err != nil {
		return yield(reconcile.Record{}, err)
	}
	defer file.Close()
	lines := json.NewDecoder(file)
	for seq := s.First; seq <= s.Last; seq++ {
		var r reconcile.Record
		if err := lines.Decode(&r); err != nil {
			return yield(r, fmt.Errorf("read segment %s: %w", s.File, err)) && false
		}
		if !yield(r, nil) {
			return false
		}
	}
	return true
}
