package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// maxUnpacked bounds what a pack unpacks to, as a multiple of its own limit.
const maxUnpacked = 16

// receive stores a pack as it arrives. It is looked through before anything is
// built from it: a small pack can claim to unpack into any size.
func (b *bareStore) receive(ctx context.Context, from io.Reader, l limits) (err error) {
	defer guard("store the pack", &err)
	file, tmp, err := b.create("objects/pack")
	if err != nil {
		return err
	}
	defer b.root.Remove(tmp)
	defer file.Close()
	if _, err := copyChecked(ctx, file, from, make([]byte, 64<<10)); err != nil {
		return fmt.Errorf("receive the pack: %w", err)
	}
	count, err := inspect(ctx, file, l)
	if err != nil || count == 0 {
		return err
	}
	sum, index, err := buildIndex(ctx, file)
	if err != nil {
		return err
	}
	name := path.Join(b.name, "objects", "pack", "pack-"+sum.String())
	if err := b.writeIndex(name+".idx", index); err != nil {
		return err
	}
	if err := b.root.Rename(tmp, name+".pack"); err != nil {
		return fmt.Errorf("write store: %w", err)
	}
	return nil
}

// inspect reads a pack's headers and unpacks into nothing, within limits.
func inspect(ctx context.Context, file *os.File, l limits) (uint32, error) {
	scanner, err := scan(ctx, file)
	if err != nil {
		return 0, err
	}
	_, count, err := scanner.Header()
	if err != nil {
		return 0, faultf(ErrUnavailable, "", "the server sends no pack: %s", printable(err.Error()))
	}
	if int64(count) > int64(l.objects) {
		return 0, tooMuch("%d objects, more than %d", count, l.objects)
	}
	var total int64
	for range count {
		size, err := inspectObject(scanner)
		if err != nil {
			return 0, err
		}
		if total += size; total > maxUnpacked*l.pack {
			return 0, tooMuch("a pack that unpacks to more than %d MiB", maxUnpacked*l.pack>>20)
		}
	}
	return count, nil
}

func tooMuch(format string, args ...any) error {
	return faultf(ErrLimit, tooMuchFix, "the server sends %s", fmt.Sprintf(format, args...))
}

const tooMuchFix = "keep large files out of the repository, or raise the limit"

// inspectObject gives an object's length, a delta's as what it makes.
func inspectObject(scanner *packfile.Scanner) (int64, error) {
	header, err := scanner.NextObjectHeader()
	if err != nil {
		return 0, malformed(err)
	}
	if header.Length > maxObject {
		return 0, tooMuch("an object of %d MiB, more than %d MiB", header.Length>>20, maxObject>>20)
	}
	head := &prefix{}
	if n, _, err := scanner.NextObject(head); err != nil || n != header.Length {
		return 0, malformed(errors.Join(err, errors.New("an object is cut short")))
	}
	if !header.Type.IsDelta() {
		return header.Length, nil
	}
	size, err := targetSize(head.text)
	if err != nil {
		return 0, malformed(err)
	}
	if size > maxObject {
		return 0, tooMuch("an object of %d MiB, more than %d MiB", size>>20, maxObject>>20)
	}
	return size, nil
}

func malformed(err error) error {
	if errors.Is(err, ErrLimit) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return faultf(ErrUnavailable, "try again", "the server sends a malformed pack: %s", printable(err.Error()))
}

// A prefix keeps the first bytes of what is written to it: enough for two lengths.
type prefix struct{ text []byte }

func (p *prefix) Write(b []byte) (int, error) {
	p.text = append(p.text, b[:min(len(b), 20-len(p.text))]...)
	return len(b), nil
}

// buildIndex hashes every object of a pack and lists where it stands.
func buildIndex(ctx context.Context, file *os.File) (plumbing.Hash, []byte, error) {
	scanner, err := scan(ctx, file)
	if err != nil {
		return plumbing.ZeroHash, nil, err
	}
	var writer idxfile.Writer
	parser, err := packfile.NewParser(scanner, &writer)
	if err != nil {
		return plumbing.ZeroHash, nil, malformed(err)
	}
	sum, err := parser.Parse()
	if err != nil {
		return plumbing.ZeroHash, nil, malformed(err)
	}
	index, err := writer.Index()
	if err != nil {
		return plumbing.ZeroHash, nil, malformed(err)
	}
	var out bytes.Buffer
	_, err = idxfile.NewEncoder(&out).Encode(index)
	return sum, out.Bytes(), err
}

func (b *bareStore) writeIndex(name string, index []byte) error {
	file, tmp, err := b.create("objects/pack")
	if err != nil {
		return err
	}
	_, err = file.Write(index)
	if err = errors.Join(err, file.Close()); err == nil {
		err = b.root.Rename(tmp, name)
	}
	if err != nil {
		b.root.Remove(tmp)
		return fmt.Errorf("write store: %w", err)
	}
	return nil
}

// A patientFile ends its reading when the context does, which the pack parser
// itself does not know of.
type patientFile struct {
	ctx context.Context
	*os.File
}

func (f patientFile) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

func scan(ctx context.Context, file *os.File) (*packfile.Scanner, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	return packfile.NewScanner(patientFile{ctx, file}), nil
}
