package repo_test

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// BenchmarkWorkTree opens a folder of 100 manifests and tells whether it differs
// from its commit. A plan does this once: it must cost a few milliseconds.
func BenchmarkWorkTree(b *testing.B) {
	g := newGit(b)
	for i := range 100 {
		g.write(fmt.Sprintf("stacks/prod/d%d/f%d.yaml", i%10, i), strings.Repeat(fmt.Sprintf("key%d: value\n", i), 100))
	}
	g.commit("Manifests")
	g.git("gc", "-q")
	for _, state := range []string{"clean", "dirty"} {
		b.Run(state, func(b *testing.B) {
			if state == "dirty" {
				g.write("stacks/prod/new.yaml", "new: 1\n")
			}
			b.ReportAllocs()
			for range b.N {
				s, err := repo.Open(context.Background(), filepath.Join(g.dir, "stacks/prod"), repo.Options{})
				if err != nil {
					b.Fatal(err)
				}
				_, rev, err := s.Tree(context.Background())
				if err != nil || rev.Dirty != (state == "dirty") {
					b.Fatal(rev, err)
				}
				s.Close()
			}
		})
	}
}

// BenchmarkCommitTree reads 100 manifests of a commit from tree objects.
func BenchmarkCommitTree(b *testing.B) {
	g := newGit(b)
	for i := range 100 {
		g.write(fmt.Sprintf("d%d/f%d.yaml", i%10, i), strings.Repeat(fmt.Sprintf("key%d: value\n", i), 100))
	}
	g.commit("Manifests")
	g.git("gc", "-q")
	b.ReportAllocs()
	for range b.N {
		s, err := repo.Open(context.Background(), g.dir, repo.Options{Ref: "main"})
		if err != nil {
			b.Fatal(err)
		}
		files, _, err := s.Tree(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		err = fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				_, err = fs.ReadFile(files, path)
				n++
			}
			return err
		})
		if err != nil || n != 100 {
			b.Fatal(n, err)
		}
		s.Close()
	}
}
