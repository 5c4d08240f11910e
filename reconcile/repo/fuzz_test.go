package repo

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// Whatever bytes a tree object holds, its entries are those bytes, and none that
// passes the checks could leave its folder.
func FuzzTree(f *testing.F) {
	f.Add([]byte("100644 a.yaml\x00" + strings.Repeat("1", 20)))
	f.Add([]byte("40000 ..\x00" + strings.Repeat("1", 20) + "120000 .git\x00" + strings.Repeat("2", 20)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		entries, err := decodeTree(raw)
		if err != nil {
			return
		}
		size := 0
		for _, e := range entries {
			size += len(e.name) + 2 + len(e.hash)
		}
		if size > len(raw) {
			t.Errorf("%d bytes of entries came out of %d", size, len(raw))
		}
		if checkNames("d", entries) != nil {
			return
		}
		for _, e := range entries {
			lower := strings.ToLower(e.name)
			if e.name == "" || e.name == ".." || strings.ContainsAny(e.name, "/\\\x00") || lower == ".git" || lower == "git~1" {
				t.Errorf("%q passes", e.name)
			}
		}
	})
}

// A commit's payload and signature are its raw bytes, taken apart and nothing more.
func FuzzSignature(f *testing.F) {
	f.Add([]byte("tree x\ngpgsig -----BEGIN\n line\n\nmessage\n"))
	f.Add([]byte("gpgsig a\ngpgsig b\n\ngpgsig c\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		payload, signature, err := splitSignature(raw)
		if err != nil {
			return
		}
		if len(payload)+len(signature)+len("gpgsig ") > len(raw) {
			t.Errorf("%q became %q and %q", raw, payload, signature)
		}
		header, body, _ := bytes.Cut(raw, []byte("\n\n"))
		if !bytes.HasSuffix(payload, body) || bytes.Count(payload, []byte{0}) != bytes.Count(raw, []byte{0}) {
			t.Errorf("the message of %q was changed", raw)
		}
		if !bytes.Contains(append([]byte{'\n'}, header...), []byte("\ngpgsig ")) {
			t.Errorf("a signature came out of %q", raw)
		}
	})
}

// An address that is accepted prints as one that is accepted, and holds nothing
// that a shell or option parser would read.
func FuzzLocation(f *testing.F) {
	for _, seed := range []string{"https://gitlab.com/a/b.git", "git@host:a/b", "ssh://git@host:22/a", "http://127.0.0.1/x", "https://u:p@h/x?y=z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, location string) {
		ep, remote, err := parseLocation(location)
		if err != nil || !remote {
			return
		}
		if strings.ContainsAny(ep.path+ep.user+ep.host, "'\"`$;&|<>\n\x00 ") || strings.HasPrefix(ep.path, "-") || strings.HasPrefix(ep.user, "-") || strings.HasPrefix(ep.host, "-") {
			t.Errorf("%q gives %+v", location, ep)
		}
		again, remote, err := parseLocation(ep.String())
		if err != nil || !remote || again != ep {
			t.Errorf("%q prints as %s, which gives %+v, %v", location, ep, again, err)
		}
	})
}

// No list of refs, however malformed, gives a ref that was not asked for.
func FuzzAdvert(f *testing.F) {
	hash := strings.Repeat("1", 40)
	f.Add([]byte("001e# service=git-upload-pack\n0000004f" + hash + " HEAD\x00side-band-64k shallow agent=x ofs-delta\n0000"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		ad, err := readAdvert(bytes.NewReader(raw), []string{"HEAD", "refs/heads/main"}, plumbing.ZeroHash)
		if err != nil {
			return
		}
		for name := range ad.refs {
			if name != "HEAD" && name != "refs/heads/main" {
				t.Errorf("got %q", name)
			}
		}
	})
}

// An index or pack of any content gives an object or an error.
func FuzzDelta(f *testing.F) {
	f.Add([]byte{1, 1, 0x90, 1})
	f.Fuzz(func(t *testing.T, delta []byte) {
		if size, err := targetSize(delta); err == nil && size < 0 {
			t.Errorf("got %d", size)
		}
	})
}

// A panic on malformed data is an error of the repository that caused it.
func TestGuard(t *testing.T) {
	err := func() (err error) {
		defer guard("read x", &err)
		var none []int
		return fmt.Errorf("read %d", none[len(none)])
	}()
	if err == nil || !strings.Contains(err.Error(), "read x: malformed data") {
		t.Errorf("got %v", err)
	}
}
