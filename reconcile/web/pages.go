package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

//go:embed pages
var pageFiles embed.FS

// page is one file of the pages.
type page struct {
	body  []byte
	media string
	tag   string
}

// readPages reads the embedded files, by name.
func readPages() (map[string]page, error) {
	media := map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	out := map[string]page{}
	entries, err := fs.ReadDir(pageFiles, "pages")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		body, err := fs.ReadFile(pageFiles, "pages/"+entry.Name())
		if err != nil {
			return nil, err
		}
		kind := media[path.Ext(entry.Name())]
		if kind == "" {
			kind = mime.TypeByExtension(path.Ext(entry.Name()))
		}
		sum := sha256.Sum256(body)
		out[entry.Name()] = page{body, kind, `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	return out, nil
}

func (c *call) index() (any, error) { return c.show("index.html") }

func (c *call) asset() (any, error) { return c.show(c.r.PathValue("file")) }

// show answers with a page, or that the browser's copy is still the one.
func (c *call) show(name string) (any, error) {
	p, ok := c.pages[name]
	if !ok {
		return nil, notFound("there is no page %s", name)
	}
	h := c.w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", p.tag)
	if c.r.Header.Get("If-None-Match") == p.tag {
		c.w.WriteHeader(http.StatusNotModified)
		return streamed{}, nil
	}
	h.Set("Content-Type", p.media)
	c.send(p.body)
	return streamed{}, nil
}

// toPage leads from an address that can be linked to, to the page behind the
// fragment, which no server is told.
func (c *call) toPage() (any, error) {
	c.w.Header().Set("Location", "/#"+c.r.URL.EscapedPath())
	return nil, nil
}
