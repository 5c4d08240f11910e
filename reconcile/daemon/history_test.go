package daemon_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// rewrite moves the branch to a commit that does not go on from what was there.
func rewrite(s *scene, url, name string, items ...string) {
	s.change(url, func(r *repo) {
		r.commits[hash(name)] = commit{items: items}
		r.head = hash(name)
	})
}

// S24, R22: a branch that was rewritten or moved back is held, until a person accepts it.
func TestRewrittenBranchIsHeld(t *testing.T) {
	for name, move := range map[string]func(*scene){
		"back":      func(s *scene) { s.change("/repos/shop", func(r *repo) { r.head = hash("aaaa") }) },
		"unrelated": func(s *scene) { rewrite(s, "/repos/shop", "aaaa", "web size=1") },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				s.push("/repos/shop", "aaaa", "web size=1")
				s.look("shop", reconcile.ByStartup)
				s.push("/repos/shop", "bbbb", "web size=2", "db")
				s.look("shop", reconcile.ByPush)
				calls := s.cloud.mutations("shop")
				move(s)
				s.cloud.byHand("shop", "web", func(t *thing) { t.spec.Size = 9 })
				s.look("shop", reconcile.ByPush)
				s.want("shop", reconcile.OnHold,
					"the branch points to aaaa000, which does not go on from bbbb000, the last commit that was taken; accept aaaa000, or move the branch back")
				if got := s.cloud.mutations("shop"); got != calls {
					s.Errorf("%d calls changed something", got-calls)
				}
				item := s.item("shop", "Item/web")
				if item.State != "drift" || item.Reasons[0].Guard != "advance" || !slices.Equal(item.Fields, []string{"size 9 -> 2 (drift)"}) {
					s.Errorf("drift is shown against the last accepted commit; got %+v", item)
				}
				if told := s.told(); len(told) != 1 || !strings.HasPrefix(told[0], "history-moved: ") {
					s.Errorf("told %q", told)
				}
				time.Sleep(10 * time.Minute)
				s.look("shop", reconcile.BySchedule)
				order := s.store.order(owner("shop"), reconcile.Accept, func(o *reconcile.Order) { o.Value = hash("aaaa") })
				s.look("shop", reconcile.ByPerson)
				s.want("shop", reconcile.InSync, "matches Git at aaaa000")
				s.sizes("shop", map[string]int{"web": 1})
				if why := s.store.ended(order.ID); why != "done: aaaa000 was accepted" {
					s.Errorf("the order ended as %q", why)
				}
			}, entry("shop"))
		})
	}
}

// A commit was accepted whose manifests are wrong. The one that mends them need
// not be accepted again.
func TestAcceptOutlivesWrongManifests(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=1")
		s.look("shop", reconcile.ByStartup)
		s.change("/repos/shop", func(r *repo) {
			r.head, r.commits[hash("xxxx")] = hash("xxxx"), commit{problems: reconcile.Problems{{Message: "unknown field"}}}
		})
		order := s.store.order(owner("shop"), reconcile.Accept, func(o *reconcile.Order) { o.Value = hash("xxxx") })
		s.look("shop", reconcile.ByPerson)
		s.push("/repos/shop", "yyyy", "web size=3")
		s.look("shop", reconcile.ByPush)
		s.sizes("shop", map[string]int{"web": 3})
		if why := s.store.ended(order.ID); why != "done: yyyy000 goes on from there" {
			s.Errorf("the order ended as %q", why)
		}
	}, entry("shop"))
}

func TestAdvanceAnyFollows(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=1")
		s.push("/repos/shop", "bbbb", "web size=2")
		s.look("shop", reconcile.ByStartup)
		s.change("/repos/shop", func(r *repo) { r.head = hash("aaaa") })
		s.look("shop", reconcile.ByPush)
		s.sizes("shop", map[string]int{"web": 1})
	}, entry("shop", func(e *daemon.Entry) { e.Advance = "any" }))
}

// R20: the repository cannot be reached for a day. Drift is corrected all the
// while, nothing else happens, and people are told once, and when it is over.
func TestUnreachableRepository(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=2")
		stop := s.goOn()
		time.Sleep(time.Hour)
		s.change("/repos/shop", func(r *repo) { r.err = errors.New("connection refused") })
		time.Sleep(12 * time.Hour)
		calls := s.cloud.mutations("shop")
		s.cloud.byHand("shop", "web", func(t *thing) { t.spec.Size = 7 })
		time.Sleep(12 * time.Hour)
		s.sizes("shop", map[string]int{"web": 2})
		if got := s.cloud.mutations("shop"); got != calls+1 {
			s.Errorf("%d calls changed something, want 1", got-calls)
		}
		got := s.standing("shop")
		want := "the repository cannot be read since 2000-01-01 01:00 UTC: connection refused; aaaa000 is kept true meanwhile"
		if got.Condition != reconcile.Unread || got.Sentence != want {
			s.Errorf("got %s %q, want %q", got.Condition, got.Sentence, want)
		}
		s.change("/repos/shop", func(r *repo) { r.err = nil })
		time.Sleep(time.Minute)
		stop()
		s.want("shop", reconcile.InSync, "matches Git at aaaa000")
		told := s.told()
		if len(told) != 3 || told[0] != "unreachable: "+want || told[2] != "recovered: matches Git at aaaa000" {
			s.Errorf("told %q", told)
		}
	}, entry("shop"))
}

// R21: emptied, the repository takes nothing down.
func TestEmptiedRepository(t *testing.T) {
	play(t, func(s *scene) {
		s.commit("/repos/shop", "aaaa", func(c *commit) { c.items = []string{"web", "db"} })
		s.look("shop", reconcile.ByStartup)
		s.commit("/repos/shop", "bbbb", func(c *commit) { c.policy = func(p *reconcile.Policy) { p.AllowEmpty = false } })
		s.look("shop", reconcile.ByPush)
		s.sizes("shop", map[string]int{"web": 1, "db": 1})
		s.want("shop", reconcile.OnHold, "2 changes held: Item/db: nothing is left in the source, and policy.allowEmpty is off")
		s.commit("/repos/shop", "cccc", func(c *commit) { c.err = errors.New("the folder stacks/shop is not there") })
		s.look("shop", reconcile.ByPush)
		s.want("shop", reconcile.Unread, "")
		s.sizes("shop", map[string]int{"web": 1, "db": 1})
	}, entry("shop"))
}

// R23: the branch is deleted, and made again.
func TestBranchIsGoneAndBack(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=1")
		s.look("shop", reconcile.ByStartup)
		s.change("/repos/shop", func(r *repo) { r.head = "" })
		s.look("shop", reconcile.BySchedule)
		s.want("shop", reconcile.Unread, "the repository cannot be read since 2000-01-01 00:00 UTC: the branch is gone; aaaa000 is kept true meanwhile")
		s.change("/repos/shop", func(r *repo) { r.head = hash("aaaa") })
		s.push("/repos/shop", "bbbb", "web size=2")
		s.look("shop", reconcile.BySchedule)
		s.want("shop", reconcile.InSync, "matches Git at bbbb000")
	}, entry("shop"))
}

// R24: a change that comes in two pushes is applied once it is whole.
func TestSettleWaitsForTheRest(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web", "db")
		s.look("shop", reconcile.ByStartup)
		time.Sleep(time.Hour)
		s.push("/repos/shop", "bbbb", "web") // the first half: db is away
		if again := s.look("shop", reconcile.ByPush); again != 2*time.Minute {
			s.Errorf("comes back after %s", again)
		}
		s.want("shop", reconcile.InSync, "matches Git at aaaa000; bbbb000 is applied once it is old enough, at 2000-01-01 01:02 UTC")
		time.Sleep(time.Minute)
		s.push("/repos/shop", "cccc", "web", "db size=3") // the second: it was only changed
		s.look("shop", reconcile.ByPush)
		time.Sleep(2 * time.Minute)
		s.look("shop", reconcile.BySchedule)
		s.want("shop", reconcile.InSync, "matches Git at cccc000")
		s.sizes("shop", map[string]int{"web": 1, "db": 3})
		if got := s.cloud.mutations("shop"); got != 3 {
			s.Errorf("%d calls, want 3: two creations, one update", got)
		}
	}, entry("shop", func(e *daemon.Entry) { e.Settle = 2 * time.Minute }))
}

// R25: a broken file holds the whole stack, and says where it is broken.
func TestBrokenManifest(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web", "db")
		s.look("shop", reconcile.ByStartup)
		s.commit("/repos/shop", "bbbb", func(c *commit) {
			c.problems = reconcile.Problems{
				{Pos: reconcile.Pos{File: "web.yaml", Line: 3, Col: 2}, Message: "unknown field \"sise\"", Hint: "did you mean size?"},
				{Pos: reconcile.Pos{File: "db.yaml", Line: 1}, Message: "a warning", Warning: true},
			}
		})
		s.look("shop", reconcile.ByPush)
		s.want("shop", reconcile.Unread, `1 problem in the manifests of bbbb000: web.yaml:3:2: unknown field "sise"; did you mean size?`)
		if got := s.standing("shop"); len(got.Problems) != 1 || got.Accepted != hash("aaaa") || got.Head != hash("bbbb") {
			s.Errorf("got %+v", got)
		}
		runs := s.runs("shop")
		if runs[0].Status != reconcile.RunError || runs[0].Type != "check" {
			s.Errorf("got %+v", runs[0])
		}
		s.push("/repos/shop", "cccc", "web")
		s.look("shop", reconcile.ByPush)
		s.want("shop", reconcile.InSync, "matches Git at cccc000")
		if s.open != 0 {
			s.Errorf("%d stacks were read and not closed", s.open)
		}
	}, entry("shop"))
}

// A window that cannot be understood holds the stack, rather than letting everything pass.
func TestBrokenWindow(t *testing.T) {
	play(t, func(s *scene) {
		s.commit("/repos/shop", "aaaa", func(c *commit) {
			badWindow(c)
			p := reconcile.Policy{}
			c.policy(&p)
			p.Windows[0].Pos = reconcile.Pos{File: "stack.yaml", Line: 9, Col: 5}
			c.policy = func(into *reconcile.Policy) { into.Windows = p.Windows }
		})
		s.look("shop", reconcile.ByPush)
		s.want("shop", reconcile.Unread, `1 problem in the manifests of aaaa000: stack.yaml:9:5: policy.windows: schedule "never": `+
			"expected exactly 5 fields, found 1: [never]; use cron's five fields, such as 0 2 * * *")
		s.sizes("shop", nil)
	}, entry("shop"))
}

// A commit that cannot be fetched leaves the one before it in force.
func TestCommitCannotBeFetched(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=1")
		s.look("shop", reconcile.ByStartup)
		s.commit("/repos/shop", "bbbb", func(c *commit) { c.err = errors.New("early EOF") })
		s.cloud.byHand("shop", "web", func(t *thing) { t.spec.Size = 5 })
		s.look("shop", reconcile.ByPush)
		s.want("shop", reconcile.Unread, "the repository cannot be read since 2000-01-01 00:00 UTC: early EOF; aaaa000 is kept true meanwhile")
		s.sizes("shop", map[string]int{"web": 1})
	}, entry("shop"))
}

func TestRollback(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=1")
		s.look("shop", reconcile.ByStartup)
		s.push("/repos/shop", "bbbb", "web size=2")
		s.look("shop", reconcile.ByPush)
		bad := s.store.order(owner("shop"), reconcile.Rollback, func(o *reconcile.Order) { o.Value = hash("ffff") })
		s.look("shop", reconcile.ByPerson)
		if why := s.store.ended(bad.ID); why != "not followed: it is no earlier commit of the branch" {
			s.Errorf("ended as %q", why)
		}
		order := s.store.order(owner("shop"), reconcile.Rollback, func(o *reconcile.Order) { o.Value = hash("aaaa") })
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 1})
		s.want("shop", reconcile.InSync, "matches Git at aaaa000; rolled back to aaaa000 until the branch moves on")
		if run := s.runs("shop")[0]; run.Launch != reconcile.ByRollback {
			s.Errorf("got %+v", run)
		}
		time.Sleep(time.Hour)
		s.cloud.byHand("shop", "web", func(t *thing) { t.spec.Size = 2 })
		s.look("shop", reconcile.BySchedule)
		s.sizes("shop", map[string]int{"web": 1})
		s.push("/repos/shop", "cccc", "web size=3")
		s.look("shop", reconcile.ByPush)
		s.sizes("shop", map[string]int{"web": 3})
		s.want("shop", reconcile.InSync, "matches Git at cccc000")
		if why := s.store.ended(order.ID); why != "done: the branch has moved on to cccc000" {
			s.Errorf("ended as %q", why)
		}
		order = s.store.order(owner("shop"), reconcile.Rollback, func(o *reconcile.Order) { o.Value = hash("bbbb") })
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 2})
		s.store.Withdraw(s.Context(), order.ID, reconcile.Actor{}, "enough")
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 3})
	}, entry("shop"))
}
