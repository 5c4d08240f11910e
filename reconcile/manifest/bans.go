package manifest

import (
	"bytes"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// checkBans refuses what would make a manifest mean more than its text says.
func (c *converter) checkBans(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		c.ban(n, "alias", "write the value out", "alias *%s: manifests have no anchors or aliases", n.Value)
	case n.Anchor != "":
		c.ban(n, "anchor", "leave it out", "anchor &%s: manifests have no anchors or aliases", n.Anchor)
	}
	tag := n.Tag
	if n.Style&yaml.TaggedStyle == 0 {
		if tag = "!"; !c.bareTags[place{n.Line, n.Column}] {
			return
		}
	}
	c.ban(n, "tag", "leave it out, and put in quotes what shall be text", "tag %s: manifests have no tags", tag)
}

// ban refuses a sort of thing at its first place in a document.
func (c *converter) ban(n *yaml.Node, sort, hint, format string, args ...any) {
	if c.banned[sort] {
		return
	}
	if c.banned == nil {
		c.banned = map[string]bool{}
	}
	c.banned[sort] = true
	c.add(n, hint, format, args...)
}

// place is a line and a column.
type place struct{ line, col int }

// findBareTags finds where a lone exclamation mark may stand as a tag. It makes
// text of a number, and yaml.v3's nodes do not tell.
func findBareTags(text []byte) map[place]bool {
	found := map[place]bool{}
	at := place{1, 1}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		i += size
		switch {
		case endsLine(r) && !(r == '\r' && i < len(text) && text[i] == '\n'):
			at = place{at.line + 1, 1}
			continue
		case r == '!' && (i == len(text) || bytes.IndexByte([]byte(" \t\r\n"), text[i]) >= 0):
			found[at] = true
		}
		at.col++
	}
	return found
}
