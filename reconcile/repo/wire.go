package repo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

// A conversation is one exchange with a Git server: it says what it has, we ask
// once, it answers. Whoever holds it closes it.
type conversation interface {
	// advertisement is what the server says first.
	advertisement() io.Reader
	// ask sends a request and gives the answer as it arrives.
	ask(ctx context.Context, request []byte) (io.Reader, error)
	// stateless tells whether the request carries all that was said before.
	stateless() bool
	// complaint is what the server said aside, once it has hung up.
	complaint() string
	close()
}

// A program is the end of a conversation that the server runs.
type program string

const (
	uploadPack  program = "git-upload-pack"  // it sends
	receivePack program = "git-receive-pack" // it takes
)

// does is what we need to be allowed to do.
func (p program) does() string {
	if p == receivePack {
		return "write to"
	}
	return "read"
}

// maxAdvertised bounds what a server says of itself, in bytes: some 400,000 refs.
const maxAdvertised = 32 << 20

// An advert is what we want to know of an advertisement. Refs that nobody asked
// for leave no trace, whatever their names.
type advert struct {
	refs    map[string]plumbing.Hash // of the wanted names
	tip     bool                     // the wanted hash is some ref's
	allowed map[capability.Capability]bool
}

// readAdvert reads refs as they arrive and keeps those of the wanted names.
func readAdvert(r io.Reader, names []string, tip plumbing.Hash) (ad advert, err error) {
	defer guard("read the server's refs", &err)
	ad = advert{refs: map[string]plumbing.Hash{}, allowed: map[capability.Capability]bool{}}
	lines := pktline.NewScanner(bufio.NewReaderSize(r, 64<<10))
	first, preface := true, false
	for lines.Scan() {
		line := bytes.TrimSuffix(lines.Bytes(), []byte{'\n'})
		switch {
		case len(line) == 0 && preface:
			preface = false
		case len(line) == 0:
			return ad, nil
		case first && bytes.HasPrefix(line, []byte("# service=")):
			preface = true
		case bytes.HasPrefix(line, []byte("shallow ")) || bytes.HasPrefix(line, []byte("version ")):
		default:
			if err := ad.ref(line, first, names, tip); err != nil {
				return ad, err
			}
			first = false
		}
	}
	if err := lines.Err(); err != nil {
		return ad, saidByServer(err)
	}
	return ad, faultf(ErrUnavailable, "", "the server's list of refs is cut short")
}

func (ad *advert) ref(line []byte, first bool, names []string, tip plumbing.Hash) error {
	line, caps, _ := bytes.Cut(line, []byte{0})
	hash, name, ok := strings.Cut(string(line), " ")
	if !ok || !isHash(hash) {
		return faultf(ErrUnavailable, "check that the address is a Git repository's", "the server's list of refs is malformed")
	}
	if first {
		if err := ad.capabilities(caps); err != nil {
			return err
		}
	}
	h := plumbing.NewHash(hash)
	ad.tip = ad.tip || h == tip && !h.IsZero()
	if slices.Contains(names, name) && !h.IsZero() {
		ad.refs[name] = h
	}
	return nil
}

func (ad *advert) capabilities(text []byte) error {
	for _, word := range strings.Fields(string(text)) {
		name, value, _ := strings.Cut(word, "=")
		if name == "object-format" && value != "sha1" {
			return faultf(ErrUnavailable, "", "the repository's object format is %s, and only sha1 is supported", quote(value))
		}
		ad.allowed[capability.Capability(name)] = true
	}
	return nil
}

// anyCommit tells whether the server gives commits that no ref names.
func (ad *advert) anyCommit() bool {
	return ad.allowed[capability.AllowReachableSHA1InWant]
}

// A wish is what is asked of a server.
type wish struct {
	want    plumbing.Hash
	depth   int // commits of history; 0 is all that is new
	haves   []plumbing.Hash
	shallow []plumbing.Hash
}

// wholeHistory is the depth that Git itself takes for no end.
const wholeHistory = 1<<31 - 1

// request encodes a wish, with the capabilities that both sides know.
func (ad *advert) request(w wish, stateless bool) ([]byte, error) {
	caps := capability.NewList()
	for _, c := range []capability.Capability{capability.Sideband64k, capability.OFSDelta, capability.NoProgress, capability.Shallow} {
		if ad.allowed[c] {
			if err := caps.Set(c); err != nil {
				return nil, err
			}
		}
	}
	if ad.allowed[capability.Agent] {
		if err := caps.Set(capability.Agent, "reconcile"); err != nil {
			return nil, err
		}
	}
	if !ad.allowed[capability.Shallow] {
		w.depth, w.shallow = 0, nil
	}
	up := packp.UploadRequest{Capabilities: caps, Wants: []plumbing.Hash{w.want}, Shallows: w.shallow, Depth: packp.DepthCommits(w.depth)}
	have := packp.UploadHaves{Haves: w.haves}
	var out bytes.Buffer
	err := errors.Join(up.Encode(&out), have.Encode(&out, !stateless), pktline.NewEncoder(&out).EncodeString("done\n"))
	return out.Bytes(), err
}

// An answer is a server's reply to a wish: what it cuts off, and a pack.
type answer struct {
	packp.ShallowUpdate
	pack io.Reader
}

// readAnswer reads up to where the pack begins.
func (ad *advert) readAnswer(r io.Reader, w wish) (a answer, err error) {
	defer guard("read the server's answer", &err)
	body := bufio.NewReader(r)
	if w.depth != 0 && ad.allowed[capability.Shallow] {
		if err := a.ShallowUpdate.Decode(body); err != nil {
			return a, saidByServer(err)
		}
	}
	var acks packp.ServerResponse
	if err := acks.Decode(body, false); err != nil {
		return a, saidByServer(err)
	}
	a.pack = body
	if ad.allowed[capability.Sideband64k] {
		a.pack = sideband.NewDemuxer(sideband.Sideband64k, body)
	}
	return a, nil
}

// saidByServer classifies an error that a server put into its answer.
func saidByServer(err error) error {
	var said *pktline.ErrorLine
	text := err.Error()
	if errors.As(err, &said) {
		text = said.Text
	}
	switch {
	case errors.Is(err, ErrLimit) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case strings.Contains(text, "not our ref") || strings.Contains(text, "unadvertised object"):
		return faultf(ErrUnknownCommit, "", "the server has no such commit, or does not give it")
	case said != nil:
		return faultf(ErrUnavailable, "", "the server says: %s", printable(text))
	}
	return err
}

// A boundedReader refuses to read more than was agreed.
type boundedReader struct {
	from io.Reader
	left int64
	what string
	fix  string
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, faultf(ErrLimit, b.fix, "the server sends %s", b.what)
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return n, faultf(ErrLimit, b.fix, "the server sends %s", b.what)
	}
	return n, err
}
