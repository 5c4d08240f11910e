package repo_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// A rawRepo is a bare repository whose objects are written byte by byte, as no
// git would write them.
type rawRepo struct {
	t       testing.TB
	dir     string
	objects []rawObject
	tip     string
}

type rawObject struct{ kind, body string }

func newRaw(t testing.TB) *rawRepo {
	t.Helper()
	r := &rawRepo{t: t, dir: filepath.Join(realPath(t, t.TempDir()), "raw.git")}
	writeFile(t, r.dir+"/HEAD", "ref: refs/heads/main\n")
	writeFile(t, r.dir+"/config", "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[uploadpack]\n\tallowAnySHA1InWant = true\n")
	for _, dir := range []string{"/objects/pack", "/refs/heads"} {
		if err := os.MkdirAll(r.dir+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func gitHash(kind, body string) string {
	sum := sha1.Sum([]byte(fmt.Sprintf("%s %d\x00%s", kind, len(body), body)))
	return hex.EncodeToString(sum[:])
}

// put writes a loose object and gives its hash.
func (r *rawRepo) put(kind, body string) string {
	r.t.Helper()
	hash := gitHash(kind, body)
	r.objects = append(r.objects, rawObject{kind, body})
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	fmt.Fprintf(w, "%s %d\x00%s", kind, len(body), body)
	if err := w.Close(); err != nil {
		r.t.Fatal(err)
	}
	writeFile(r.t, filepath.Join(r.dir, "objects", hash[:2], hash[2:]), out.String())
	return hash
}

// line is one entry of a tree object.
func line(mode, name, hash string) string {
	raw, err := hex.DecodeString(hash)
	if err != nil {
		panic(err)
	}
	return mode + " " + name + "\x00" + string(raw)
}

// head writes a commit of a tree and makes it main.
func (r *rawRepo) head(tree string) string {
	r.t.Helper()
	hash := r.put("commit", "tree "+tree+"\nauthor A <a@example.com> 1700000000 +0000\ncommitter A <a@example.com> 1700000000 +0000\n\nRaw\n")
	writeFile(r.t, r.dir+"/refs/heads/main", hash+"\n")
	r.tip = hash
	return hash
}

// A rawPack is a pack that is written byte by byte.
type rawPack struct {
	body  bytes.Buffer
	count uint32
}

var packKinds = map[string]byte{"commit": 1, "tree": 2, "blob": 3, "tag": 4, "delta": 7}

// add writes an object that says it has size bytes and unpacks to body. base is
// what a delta starts from.
func (p *rawPack) add(kind string, size uint64, base, body string) {
	b := packKinds[kind]<<4 | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		p.body.WriteByte(b | 0x80)
		b = byte(size & 127)
	}
	p.body.WriteByte(b)
	raw, err := hex.DecodeString(base)
	if err != nil {
		panic(err)
	}
	p.body.Write(raw)
	w := zlib.NewWriter(&p.body)
	io.WriteString(w, body)
	w.Close()
	p.count++
}

// bytes is the pack as it is sent, for as many objects as it claims to have.
func (p *rawPack) bytes(count uint32) []byte {
	out := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), count)
	out = append(out, p.body.Bytes()...)
	sum := sha1.Sum(out)
	return append(out, sum[:]...)
}

// pack is all that was put into the repository.
func (r *rawRepo) pack() []byte {
	var p rawPack
	for _, o := range r.objects {
		p.add(o.kind, uint64(len(o.body)), "", o.body)
	}
	return p.bytes(p.count)
}

// A fakeServer speaks Git's protocol as a test wants it to.
type fakeServer struct {
	tip    string
	caps   string
	refs   func(w http.ResponseWriter, r *http.Request) // instead of an honest list
	answer func(w http.ResponseWriter, r *http.Request) // to the request for a pack
}

const fakeCaps = "side-band-64k ofs-delta shallow no-progress allow-tip-sha1-in-want allow-reachable-sha1-in-want agent=fake"

// start serves on loopback until the test ends.
func (f *fakeServer) start(t testing.TB) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /r.git/info/refs", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		if f.refs != nil {
			f.refs(w, r)
			return
		}
		io.WriteString(w, pkt("# service=git-upload-pack\n")+"0000"+f.firstRef()+pkt(f.tip+" refs/heads/main\n")+"0000")
	})
	mux.HandleFunc("POST /r.git/git-upload-pack", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		f.answer(w, r)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL + "/r.git"
}

func (f *fakeServer) firstRef() string { return pkt(f.tip + " HEAD\x00" + fakeCaps + f.caps + "\n") }

// sends answers every request with one pack, cut at the tip.
func (f *fakeServer) sends(pack []byte) *fakeServer {
	f.answer = func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, f.preamble())
		for len(pack) > 0 {
			n := min(len(pack), 65000)
			io.WriteString(w, pkt("\x01"+string(pack[:n])))
			pack = pack[n:]
		}
		io.WriteString(w, "0000")
	}
	return f
}

// preamble is what stands before a pack.
func (f *fakeServer) preamble() string { return pkt("shallow "+f.tip+"\n") + "0000" + pkt("NAK\n") }

// pkt frames a line of Git's protocol.
func pkt(line string) string { return fmt.Sprintf("%04x%s", len(line)+4, line) }
