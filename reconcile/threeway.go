package reconcile

import (
	"reflect"
	"strings"
)

// Compare labels the fields of a change with the side that moved since base, the
// desired state at the revision at which the resource was last changed.
//
//	base = desired, base != live    drift
//	base = live, base != desired    pending
//	base differs from both          conflict
//	base not known                  none
//
// Secrets and values that others give are not known. It is pure but for c's fields.
func Compare(c *Change, base *Wanted) {
	c.maskAs(base)
	was := leavesByPath(base.Kind.Fields, base.Spec)
	for i := range c.Fields {
		f := &c.Fields[i]
		if _, later := base.Unknown[f.Path]; later || f.Secret || f.Unknown != "" || kept(base, f.Path) {
			continue
		}
		f.Base = nil
		if l, ok := was[f.Path]; ok {
			f.Base = l.plain()
		}
		if name, ok := strings.CutPrefix(f.Path, "labels."); ok {
			f.Base = labelOf(base.Tags, name)
		}
		switch {
		case equalPlain(f.Base, f.To):
			f.Label = Drifted
		case equalPlain(f.Base, f.From):
			f.Label = Pending
		default:
			f.Label = Conflicting
		}
	}
}

// kept tells whether the manifest left a field out that then stays as it is live.
func kept(base *Wanted, path string) bool {
	f := fieldAt(base.Kind.Fields, path)
	_, set := base.Set[path]
	return f != nil && f.Plan.Has("keep") && !set
}

func equalPlain(a, b any) bool { return reflect.DeepEqual(a, b) }

// labelOf is the value of a label among tags, nil if there is none.
func labelOf(tags []string, name string) any {
	for _, tag := range tags {
		if value, ok := strings.CutPrefix(tag, name+"="); ok {
			return value
		}
	}
	return nil
}

// maskAs masks what was looked up at the revision last applied: it is live still,
// even if Git says it in clear now.
func (c *Change) maskAs(base *Wanted) {
	if c.Masked == nil {
		c.Masked = map[string]bool{}
	}
	for path, from := range base.Unknown {
		if f := fieldAt(base.Kind.Fields, path); strings.HasPrefix(from, lookupWord) && f != nil && !f.IsSecret() {
			c.Masked[path] = true
		}
	}
	c.hideOld()
}

// maskKnown masks what the journal knows to have been looked up once.
func (c *Change) maskKnown(memo Memo) {
	if memo.Masked == "" {
		return
	}
	if c.Masked == nil {
		c.Masked = map[string]bool{}
	}
	for path := range strings.SplitSeq(memo.Masked, "\n") {
		c.Masked[path] = true
	}
	c.hideOld()
}

func (c *Change) hideOld() {
	for i := range c.Fields {
		if f := &c.Fields[i]; c.Masked[f.Path] && f.From != nil {
			f.Secret, f.From = true, NewSecret(Masked)
		}
	}
}

// maskedPaths are the masked paths, a line each.
func (c *Change) maskedPaths() string {
	var paths []string
	for _, path := range sortedKeys(c.Masked) {
		if c.Masked[path] {
			paths = append(paths, path)
		}
	}
	return strings.Join(paths, "\n")
}
