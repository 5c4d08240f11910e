package daemon_test

import (
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// as pushes manifests that call themselves something.
func (s *scene) as(name, revision, owner string, items ...string) {
	s.commit("/repos/"+name, revision, func(c *commit) { c.items, c.owner = items, owner })
}

// refusedAsTaken checks that a stack was refused, and touched nothing.
func (s *scene) refusedAsTaken(name string) {
	s.Helper()
	got := s.standing(name)
	if got.Condition != reconcile.Unread || !strings.Contains(got.Sentence, "of the operator's file does") {
		s.Errorf("%s is %s: %q", name, got.Condition, got.Sentence)
	}
	if got.Stack != "" {
		s.Errorf("%s has the owner word %s", name, got.Stack)
	}
}

// TestS20AnOwnerWordIsTheFirstOnes: a repository that calls itself what another
// one is called gets nothing of it: no journal, no lease, no resources, and its
// tokens see nothing of it.
func TestS20AnOwnerWordIsTheFirstOnes(t *testing.T) {
	for what, word := range map[string]string{
		"name and uid":           owner("shop"),
		"uid under another name": "evil." + strings.Split(owner("shop"), ".")[1],
		"bare name":              "shop",
	} {
		t.Run(what, func(t *testing.T) {
			play(t, func(s *scene) {
				s.push("/repos/shop", "aaaa", "web size=1")
				s.look("shop", reconcile.ByStartup)
				s.as("evil", "bbbb", word, "web size=9")
				s.look("evil", reconcile.ByStartup)
				s.refusedAsTaken("evil")
				if runs, _ := s.store.Runs(s.Context(), reconcile.RunFilter{Stack: owner("shop")}); len(runs) != 1 {
					t.Errorf("%d runs of the victim, want its own", len(runs))
				}
				s.begin() // after a restart the store knows
				time.Sleep(time.Minute)
				s.look("evil", reconcile.BySchedule)
				s.refusedAsTaken("evil")
				s.look("shop", reconcile.BySchedule)
				s.want("shop", reconcile.InSync, "")
				s.push("/repos/evil", "cccc", "web size=9") // its own name again
				s.look("evil", reconcile.ByPush)
				s.want("evil", reconcile.InSync, "")
			}, entry("evil"), entry("shop"))
		})
	}
}

// TestS20AWrongManifestClaimsNothing: what cannot be used says no owner word either.
func TestS20AWrongManifestClaimsNothing(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.look("shop", reconcile.ByStartup)
		s.commit("/repos/evil", "bbbb", func(c *commit) {
			c.owner, c.problems = owner("shop"), reconcile.Problems{{Message: "wrong"}}
		})
		s.look("evil", reconcile.ByStartup)
		s.refusedAsTaken("evil")
	}, entry("evil"), entry("shop"))
}

// TestAClaimGoesWithItsPlace: an operator may call a stack something else, move
// it, or give two stacks each other's names.
func TestAClaimGoesWithItsPlace(t *testing.T) {
	play(t, func(s *scene) {
		s.as("a", "aaaa", owner("one"), "web")
		s.as("b", "bbbb", owner("two"), "web")
		s.look("a", reconcile.ByStartup)
		s.look("b", reconcile.ByStartup)
		for _, urls := range [][2]string{{"/repos/b", "/repos/a"}, {"/repos/a", "/repos/b"}} {
			s.config.Stacks[0].URL, s.config.Stacks[1].URL = urls[0], urls[1]
			if _, err := s.daemon.Reload(s.Context(), s.config); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			for _, name := range []string{"a", "b"} {
				if s.look(name, reconcile.ByStartup); strings.Contains(s.standing(name).Sentence, "of the operator's file") {
					t.Errorf("%s: %s", name, s.standing(name).Sentence)
				}
			}
		}
		s.config.Stacks = []daemon.Entry{entry("renamed", func(e *daemon.Entry) { e.URL = "/repos/a" })}
		s.begin()
		s.look("renamed", reconcile.ByStartup)
		if got := s.standing("renamed"); got.Stack != owner("one") {
			t.Errorf("it is %s: %s", got.Stack, got.Sentence)
		}
	}, entry("a"), entry("b"))
}
