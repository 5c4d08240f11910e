package repo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// Who changed or removed a file is told as git log tells it, merges included.
func TestLastChange(t *testing.T) {
	g, srv, o := served(t)
	g.commit("Root", "s/a.yaml", "1", "s/b.yaml", "1", "s/gone.yaml", "1", "s/d/x.yaml", "1")
	g.git("checkout", "-q", "-b", "side")
	g.commit("Side", "s/b.yaml", "2")
	g.git("checkout", "-q", "main")
	g.commit("Main", "s/a.yaml", "2")
	g.git("merge", "-q", "--no-ff", "-m", "Merge", "side")
	g.git("rm", "-q", "s/gone.yaml")
	removed := g.commit("Remove")
	g.commit("Folder", "s/d/x.yaml", "2")
	for i := range 5 {
		g.commit(fmt.Sprint(i), "other", fmt.Sprint(i))
	}
	o.Path = "s"
	local, remote := open(t, g.dir+"/s", repo.Options{}), open(t, srv.url(g), o)
	tree(t, remote)
	for _, name := range []string{"a.yaml", "b.yaml", "gone.yaml", "d/x.yaml", "d", ".", "../other"} {
		want := g.git("log", "-1", "--format=%H %s", "--", strings.TrimPrefix("s/"+name, "s/../"))
		for _, s := range []*repo.Source{local, remote} {
			rev, err := s.LastChange(context.Background(), name)
			if err != nil || rev.Hash+" "+rev.Subject != want {
				t.Errorf("%s: got %s %s, %v; git says %s", name, rev.Hash, rev.Subject, err, want)
			}
		}
	}
	if rev, _ := local.LastChange(context.Background(), "gone.yaml"); rev.Hash != removed {
		t.Errorf("got %+v, want %s", rev, removed)
	}
	for _, name := range []string{"never.yaml", "a.yaml/x"} {
		if rev, err := local.LastChange(context.Background(), name); !errors.Is(err, repo.ErrHistoryEnds) {
			t.Errorf("%s: got %+v, %v", name, rev, err)
		}
	}
	for _, name := range []string{"/etc/passwd", "../../x"} {
		if _, err := local.LastChange(context.Background(), name); err == nil {
			t.Errorf("%s is outside the repository", name)
		}
	}
}

// A walk through history ends: with the context, and outside Git at once.
func TestLastChangeEnds(t *testing.T) {
	g := newGit(t)
	g.commit("Root", "a.yaml", "1")
	ctx, cancel := context.WithCancel(context.Background())
	s := open(t, g.dir, repo.Options{})
	tree(t, s)
	cancel()
	if _, err := s.LastChange(ctx, "never.yaml"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := open(t, t.TempDir(), repo.Options{}).LastChange(context.Background(), "a.yaml"); !errors.Is(err, repo.ErrHistoryEnds) {
		t.Errorf("got %v", err)
	}
}
