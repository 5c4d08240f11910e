package manifest

import (
	"bytes"
	"strings"
	"sync"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// pages gives the lines of the files, for errors. It reads a file again when one
// of its lines is asked for, since most never are, and keeps the last.
type pages struct {
	tree  *tree
	names []string // of fields that hold secrets
	known map[string]page

	mu     sync.Mutex
	file   string
	text   []byte
	starts []int
}

// page is what must not be shown of a file.
type page struct {
	hidden hidden
	opaque bool
}

func newPages(t *tree, k *kinds, units []unit) *pages {
	p := &pages{tree: t, names: k.secretNames, known: make(map[string]page, len(units))}
	for i := range units {
		p.known[units[i].file] = page{units[i].hidden, units[i].opaque}
	}
	return p
}

// line is the text of the line at a place, "" if there is none. Secrets in it are masked.
func (p *pages) line(at reconcile.Pos) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	page, known := p.known[at.File]
	if !known || !p.open(at.File) {
		return ""
	}
	text := line(p.text, p.starts, at.Line)
	switch col, secret := page.hidden[at.Line]; {
	case secret:
		return cutAt(text, col) + reconcile.Masked
	case page.opaque && text != "" && mentionsSecret(p.text[:p.starts[at.Line-1]+len(text)], p.names):
		return maskValue(text)
	}
	return text
}

// cutAt is the text before a column.
func cutAt(text string, col int) string {
	runes := []rune(text)
	return string(runes[:min(col-1, len(runes))])
}

func (p *pages) open(file string) bool {
	if p.file == file && p.starts != nil {
		return true
	}
	data, err := p.tree.readValue(file)
	if err != nil {
		return false
	}
	p.file, p.text = file, bytes.TrimPrefix(data, byteOrderMark)
	p.starts = lineStarts(p.text)
	return true
}

// maskValue hides what stands behind a line's key, or all of it.
func maskValue(text string) string {
	if key, _, ok := strings.Cut(text, ":"); ok && !strings.ContainsAny(key, `{["'`) {
		return key + ": " + reconcile.Masked
	}
	return text[:len(text)-len(strings.TrimLeft(text, " \t"))] + reconcile.Masked
}
