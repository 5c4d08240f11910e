package repo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// The layout of a pack's index, version 2: header, fan-out, then for each
// object its name, checksum and offset, and the offsets over 2 GiB.
const (
	idxHead  = 8
	idxFan   = 256 * 4
	idxName  = 20
	idxCRC   = 4
	idxShort = 4
	idxLong  = 8
)

// maxChain bounds the deltas between an object and its base, as Git does.
const maxChain = 4095

// A pack reads objects from one pack file, which it searches on disk: an index
// of a large repository is never held in memory. It is not safe for concurrent use.
type pack struct {
	path    string
	idx     *os.File
	data    *os.File
	fan     [256]uint32
	scanner *packfile.Scanner
}

func openPack(path string) (*pack, error) {
	p := &pack{path: path}
	if err := p.open(); err != nil {
		p.close()
		return nil, fmt.Errorf("%w: open pack: %w", ErrDamaged, err)
	}
	return p, nil
}

func (p *pack) open() (err error) {
	if p.data, err = os.Open(p.path); err != nil {
		return err
	}
	if p.idx, err = os.Open(strings.TrimSuffix(p.path, ".pack") + ".idx"); err != nil {
		return err
	}
	p.scanner = packfile.NewScanner(p.data)
	head := make([]byte, idxHead+idxFan)
	if _, err := p.idx.ReadAt(head, 0); err != nil {
		return err
	}
	if !bytes.Equal(head[:idxHead], []byte{255, 't', 'O', 'c', 0, 0, 0, 2}) {
		return fmt.Errorf("its index is not of version 2")
	}
	for i := range p.fan {
		p.fan[i] = binary.BigEndian.Uint32(head[idxHead+4*i:])
		if i > 0 && p.fan[i] < p.fan[i-1] {
			return fmt.Errorf("its index is out of order")
		}
	}
	return nil
}

func (p *pack) close() {
	for _, file := range []*os.File{p.idx, p.data} {
		if file != nil {
			file.Close()
		}
	}
}

// find searches the index for an object's offset.
func (p *pack) find(h plumbing.Hash) (int64, bool, error) {
	low, high := int64(0), int64(p.fan[h[0]])
	if h[0] > 0 {
		low = int64(p.fan[h[0]-1])
	}
	var name plumbing.Hash
	for low < high {
		mid := (low + high) / 2
		if err := p.idxAt(name[:], idxHead+idxFan+idxName*mid); err != nil {
			return 0, false, err
		}
		switch c := bytes.Compare(h[:], name[:]); {
		case c == 0:
			offset, err := p.offset(mid)
			return offset, err == nil, err
		case c < 0:
			high = mid
		default:
			low = mid + 1
		}
	}
	return 0, false, nil
}

func (p *pack) offset(i int64) (int64, error) {
	n := int64(p.fan[255])
	shorts := idxHead + idxFan + (idxName+idxCRC)*n
	var b [idxLong]byte
	if err := p.idxAt(b[:idxShort], shorts+idxShort*i); err != nil {
		return 0, err
	}
	at := binary.BigEndian.Uint32(b[:])
	if at < 1<<31 {
		return int64(at), nil
	}
	if err := p.idxAt(b[:], shorts+idxShort*n+idxLong*int64(at&^(1<<31))); err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(b[:]) &^ (1 << 63)), nil
}

func (p *pack) idxAt(b []byte, offset int64) error {
	if _, err := p.idx.ReadAt(b, offset); err != nil {
		return fmt.Errorf("%w: read index of %s: %w", ErrDamaged, p.path, err)
	}
	return nil
}

// object reads the object at an offset: the deltas down to a whole object, then
// back up. A delta by offset points backwards, so that the way down ends.
func (p *pack) object(offset int64, s *objectStore, depth int) (plumbing.ObjectType, []byte, error) {
	var deltas [][]byte
	var at []int64
	var kind plumbing.ObjectType
	var body []byte
	for body == nil {
		if kind, body = s.bases.get(p, offset); body != nil {
			break
		}
		header, content, err := p.entry(offset)
		if err != nil {
			return 0, nil, err
		}
		if len(deltas) > maxChain {
			return 0, nil, fmt.Errorf("%w: its deltas never end", ErrDamaged)
		}
		switch header.Type {
		case plumbing.OFSDeltaObject:
			deltas, at = append(deltas, content), append(at, offset)
			offset = header.OffsetReference
		case plumbing.REFDeltaObject:
			deltas, at = append(deltas, content), append(at, offset)
			if kind, body, err = s.raw(header.Reference, depth+1); err != nil {
				return 0, nil, err
			}
			offset = -1 // it lies elsewhere: nothing to remember
		default:
			kind, body = header.Type, content
		}
	}
	return p.patch(s, kind, body, offset, deltas, at)
}

// patch applies deltas, the last one first, and remembers what they start from:
// neighbours in history share their bases.
func (p *pack) patch(s *objectStore, kind plumbing.ObjectType, body []byte, offset int64, deltas [][]byte, at []int64) (plumbing.ObjectType, []byte, error) {
	for i := len(deltas) - 1; i >= 0; i-- {
		s.bases.put(p, offset, kind, body)
		size, err := targetSize(deltas[i])
		if err != nil {
			return 0, nil, err
		}
		if err := checkSize(size); err != nil {
			return 0, nil, err
		}
		if body, err = packfile.PatchDelta(body, deltas[i]); err != nil {
			return 0, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		offset = at[i]
	}
	if len(deltas) == 0 {
		body = bytes.Clone(body) // it may be a base that is remembered
	}
	return kind, body, nil
}

// entry unpacks what stands at an offset, a delta as such. It is never nil.
func (p *pack) entry(offset int64) (*packfile.ObjectHeader, []byte, error) {
	header, err := p.scanner.SeekObjectHeader(offset)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := checkSize(header.Length); err != nil {
		return nil, nil, err
	}
	body := bytes.NewBuffer(make([]byte, 0, min(header.Length, maxBases)))
	if n, _, err := p.scanner.NextObject(body); err != nil || n != header.Length {
		return nil, nil, fmt.Errorf("%w: it does not unpack", ErrDamaged)
	}
	return header, body.Bytes(), nil
}

// size is the length of the object at an offset, without unpacking its bases.
func (p *pack) size(offset int64) (int64, error) {
	header, err := p.scanner.SeekObjectHeader(offset)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if !header.Type.IsDelta() {
		return header.Length, nil
	}
	_, delta, err := p.entry(offset)
	if err != nil {
		return 0, err
	}
	return targetSize(delta)
}

// targetSize reads from a delta's head how long its result is.
func targetSize(delta []byte) (int64, error) {
	_, n := binary.Uvarint(delta)
	if n <= 0 {
		return 0, fmt.Errorf("%w: a delta is cut short", ErrDamaged)
	}
	size, m := binary.Uvarint(delta[n:])
	if m <= 0 || size > 1<<62 {
		return 0, fmt.Errorf("%w: a delta is cut short", ErrDamaged)
	}
	return int64(size), nil
}

// A baseCache remembers the objects that deltas start from. It forgets all when
// it is full: what is read next is near what was read last.
type baseCache struct {
	bases map[baseKey]base
	bytes int
}

type baseKey struct {
	pack   *pack
	offset int64
}

type base struct {
	kind plumbing.ObjectType
	body []byte
}

// maxBases bounds a baseCache, in bytes.
const maxBases = 8 << 20

func (c *baseCache) get(p *pack, offset int64) (plumbing.ObjectType, []byte) {
	b := c.bases[baseKey{p, offset}]
	return b.kind, b.body
}

func (c *baseCache) put(p *pack, offset int64, kind plumbing.ObjectType, body []byte) {
	key := baseKey{p, offset}
	if _, known := c.bases[key]; known || offset < 0 || len(body) > maxBases/8 {
		return
	}
	if c.bases == nil || c.bytes+len(body) > maxBases {
		c.bases, c.bytes = map[baseKey]base{}, 0
	}
	c.bases[key] = base{kind, body}
	c.bytes += len(body)
}
