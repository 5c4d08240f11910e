package repo

import (
	"time"
)

// A Revision says what a tree was read from. Subject and Author are as others
// wrote them: make them safe before printing.
type Revision struct {
	Hash    string // full commit hash; "" outside Git
	Dirty   bool   // the folder differs from the commit, ignored files aside
	Digest  string // hex SHA-256 of the folder's content; set outside Git and when Dirty
	Subject string // the commit's first paragraph, on one line
	Author  string // name and address
	When    time.Time
	Signer  string // who signed the commit, if signatures were asked for

	Committer string // name and address
}

// ID is the word that goes into marks: a commit's hash, with "+" if the folder
// differs from it; outside Git the folder's digest and "+".
func (r Revision) ID() string {
	switch {
	case r.Hash == "":
		return r.Digest + "+"
	case r.Dirty:
		return r.Hash + "+"
	}
	return r.Hash
}

// String is the revision as people read it.
func (r Revision) String() string {
	switch {
	case r.Hash == "":
		return "folder " + short(r.Digest) + " (not in Git)"
	case r.Dirty:
		return "revision " + short(r.Hash) + " + uncommitted changes"
	}
	return "revision " + short(r.Hash)
}

func short(hash string) string { return hash[:min(7, len(hash))] }
