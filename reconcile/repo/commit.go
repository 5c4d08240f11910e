package repo

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// A commit is what we need of a commit object. It is read from the raw bytes,
// by the rules that Git itself follows: the first line is the tree, the parents
// follow, and whatever else claims to be one of them is not.
type commit struct {
	hash    plumbing.Hash
	tree    plumbing.Hash
	parents []plumbing.Hash
	author  string
	writer  string // of the commit object: its committer
	subject string
	when    time.Time
	raw     []byte
}

func readCommit(r objectReader, h plumbing.Hash) (*commit, error) {
	raw, err := r.read(h, plumbing.CommitObject)
	if err != nil {
		return nil, err
	}
	c, err := parseCommit(h, raw)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", h, err)
	}
	return c, nil
}

func parseCommit(h plumbing.Hash, raw []byte) (*commit, error) {
	header, body, _ := bytes.Cut(raw, []byte("\n\n"))
	lines := strings.Split(string(header), "\n")
	tree, ok := strings.CutPrefix(lines[0], "tree ")
	if !ok || !isHash(tree) {
		return nil, fmt.Errorf("its first line names no tree")
	}
	c := &commit{hash: h, tree: plumbing.NewHash(tree), raw: raw, subject: subject(body)}
	lines = lines[1:]
	for ; len(lines) > 0; lines = lines[1:] {
		parent, ok := strings.CutPrefix(lines[0], "parent ")
		if !ok || !isHash(parent) {
			break
		}
		c.parents = append(c.parents, plumbing.NewHash(parent))
	}
	if len(lines) > 0 && strings.HasPrefix(lines[0], "author ") {
		c.author, c.when = person(strings.TrimPrefix(lines[0], "author "))
		lines = lines[1:]
	}
	if len(lines) > 0 && strings.HasPrefix(lines[0], "committer ") {
		c.writer, c.when = person(strings.TrimPrefix(lines[0], "committer "))
	}
	return c, nil
}

// subject is a message's first paragraph on one line, as git log shows it.
func subject(body []byte) string {
	text := strings.TrimLeft(strings.ToValidUTF8(string(body), "\uFFFD"), "\n")
	first, _, _ := strings.Cut(text, "\n\n")
	return strings.Join(strings.Split(strings.TrimSpace(first), "\n"), " ")
}

// person splits "Name <address> seconds zone".
func person(line string) (string, time.Time) {
	line = strings.ToValidUTF8(line, "\uFFFD")
	end := strings.LastIndexByte(line, '>')
	fields := strings.Fields(line[end+1:])
	if len(fields) == 0 {
		return line[:end+1], time.Time{}
	}
	seconds, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return line[:end+1], time.Time{}
	}
	return line[:end+1], time.Unix(seconds, 0).UTC()
}

func (c *commit) revision() Revision {
	return Revision{Hash: c.hash.String(), Subject: c.subject, Author: c.author, Committer: c.writer, When: c.when}
}

// maxTags bounds how many tags may name one another before a commit.
const maxTags = 5

// peel follows annotated tags to the commit that they name.
func peel(r objectReader, h plumbing.Hash) (plumbing.Hash, error) {
	for range maxTags {
		raw, err := r.read(h, plumbing.AnyObject)
		if err != nil {
			return h, err
		}
		// The kind is part of the hash, so asking for it again is a check.
		if plumbing.ComputeHash(plumbing.CommitObject, raw) == h {
			return h, nil
		}
		if plumbing.ComputeHash(plumbing.TagObject, raw) != h {
			break
		}
		object, _, _ := bytes.Cut(raw, []byte{'\n'})
		name, ok := strings.CutPrefix(string(object), "object ")
		if !ok || !isHash(name) {
			break
		}
		h = plumbing.NewHash(name)
	}
	return h, faultf(ErrUnknownRef, "name a branch, or a tag of a commit", "it does not name a commit")
}
