package daemon_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// rollBack lets a stack go from size 1 to size 2 and back to the first commit.
func (s *scene) rollBack() reconcile.Order {
	s.push("/repos/shop", "aaaa", "web size=1")
	s.look("shop", reconcile.ByStartup)
	s.push("/repos/shop", "bbbb", "web size=2")
	s.look("shop", reconcile.ByPush)
	time.Sleep(5 * time.Minute)
	s.look("shop", reconcile.BySchedule)
	s.sizes("shop", map[string]int{"web": 2})
	order := s.store.order(owner("shop"), reconcile.Rollback, func(o *reconcile.Order) { o.Value = hash("aaaa") })
	s.look("shop", reconcile.ByPerson)
	s.sizes("shop", map[string]int{"web": 1})
	time.Sleep(5 * time.Minute)
	return order
}

// The next commit ends a rollback when it is taken, not while it is too young:
// until then the commit that was rolled back from must not come back.
func TestRollbackCountsUntilTheNextCommitIsTaken(t *testing.T) {
	play(t, func(s *scene) {
		order := s.rollBack()
		s.push("/repos/shop", "cccc", "web size=3")
		s.look("shop", reconcile.ByPush)
		s.sizes("shop", map[string]int{"web": 1})
		if why := s.store.ended(order.ID); why != "" {
			s.Errorf("the rollback ended as %q", why)
		}
		time.Sleep(5 * time.Minute)
		s.look("shop", reconcile.BySchedule)
		s.sizes("shop", map[string]int{"web": 3})
		if why := s.store.ended(order.ID); why != "done: the branch has moved on to cccc000" {
			s.Errorf("the rollback ended as %q", why)
		}
	}, entry("shop", func(e *daemon.Entry) { e.Settle = 2 * time.Minute }))
}

// A rewrite of the branch is no moving on: put back, the branch does not bring
// back the commit that was rolled back from.
func TestRollbackOutlivesARewrite(t *testing.T) {
	play(t, func(s *scene) {
		order := s.rollBack()
		calls := s.cloud.mutations("shop")
		rewrite(s, "/repos/shop", "xxxx", "web size=9")
		s.look("shop", reconcile.ByPush)
		s.want("shop", reconcile.OnHold, "")
		s.change("/repos/shop", func(r *repo) { r.head = hash("bbbb") })
		s.look("shop", reconcile.ByPush)
		s.sizes("shop", map[string]int{"web": 1})
		if got := s.cloud.mutations("shop"); got != calls || s.store.ended(order.ID) != "" {
			s.Errorf("%d calls changed something; the rollback ended as %q", got-calls, s.store.ended(order.ID))
		}
		s.push("/repos/shop", "cccc", "web size=3")
		s.look("shop", reconcile.ByPush)
		s.sizes("shop", map[string]int{"web": 3})
	}, entry("shop"))
}

// The commit of a rollback cannot be read for a while: what was rolled back from
// does not take its place.
func TestRollbackOutlivesWhatCannotBeRead(t *testing.T) {
	play(t, func(s *scene) {
		s.rollBack()
		s.change("/repos/shop", func(r *repo) { r.commits[hash("aaaa")] = commit{err: errors.New("the signature has expired")} })
		s.look("shop", reconcile.BySchedule)
		s.sizes("shop", map[string]int{"web": 1})
		s.want("shop", reconcile.Unread, "")
	}, entry("shop"))
}

// A commit was accepted, and cannot be fetched at once.
func TestAcceptOutlivesAFailedFetch(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=1")
		s.look("shop", reconcile.ByStartup)
		rewrite(s, "/repos/shop", "xxxx", "web size=2")
		s.look("shop", reconcile.ByPush)
		order := s.store.order(owner("shop"), reconcile.Accept, func(o *reconcile.Order) { o.Value = hash("xxxx") })
		s.change("/repos/shop", func(r *repo) {
			r.commits[hash("xxxx")] = commit{items: []string{"web size=2"}, err: errors.New("early EOF")}
		})
		s.look("shop", reconcile.ByPerson)
		if why := s.store.ended(order.ID); why != "" {
			s.Errorf("the order ended as %q", why)
		}
		s.change("/repos/shop", func(r *repo) { r.commits[hash("xxxx")] = commit{items: []string{"web size=2"}} })
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 2})
	}, entry("shop"))
}

// A run only waits, for half an hour if need be. What a person orders meanwhile
// does not wait for it.
func TestOrderEndsTheWait(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		stop := s.goOn()
		time.Sleep(5 * time.Minute)
		s.cloud.slower(20 * time.Minute)
		s.push("/repos/shop", "bbbb", "web", "db")
		s.store.Nudge(s.Context(), "shop", reconcile.ByWebhook)
		time.Sleep(30 * time.Second)
		s.sizes("shop", map[string]int{"web": 1, "db": 1})
		s.store.order(owner("shop"), reconcile.Rollback, func(o *reconcile.Order) { o.Value = hash("aaaa") })
		s.store.Nudge(s.Context(), "shop", reconcile.ByPerson)
		time.Sleep(10 * time.Second)
		s.sizes("shop", map[string]int{"web": 1})
		if run := s.runs("shop")[1]; run.Status != reconcile.RunCanceled || run.Explanation != "rolled back by jane" {
			s.Errorf("got %+v", run)
		}
		stop()
	}, entry("shop"))
}

// Killed in the middle of a run, a daemon still knows which commit it had taken:
// a branch that is moved back meanwhile is held.
func TestKilledRunKeepsWhatWasTaken(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		stop := s.goOn()
		time.Sleep(5 * time.Minute)
		s.cloud.slower(20 * time.Minute)
		s.push("/repos/shop", "bbbb", "web", "db")
		s.store.Nudge(s.Context(), "shop", reconcile.ByWebhook)
		time.Sleep(30 * time.Second)
		left := s.standing("shop")
		stop()
		s.store.SaveStanding(s.Context(), left) // as a kill would have left it
		s.change("/repos/shop", func(r *repo) { r.head = hash("aaaa") })
		s.begin()
		s.look("shop", reconcile.ByStartup)
		s.want("shop", reconcile.OnHold, "")
		s.sizes("shop", map[string]int{"web": 1, "db": 1})
	}, entry("shop"))
}

// A job has applied a commit that this daemon's poll has not seen yet: what it
// made is not taken away again for an older commit.
func TestOlderCommitUndoesNothing(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		stop := s.goOn()
		defer stop()
		time.Sleep(12 * time.Minute)
		s.push("/repos/shop", "bbbb", "web", "db")
		name, uid, _ := strings.Cut(owner("shop"), ".")
		s.cloud.Create(s.Context(), reconcile.Desired[itemSpec]{Name: "db", Scope: reconcile.Scope{Project: "shop"}, Spec: itemSpec{Size: 1, Color: "red"},
			Mark: reconcile.Mark{Stack: name, UID: uid, Key: "Item/db", Rev: hash("bbbb")}})
		s.store.Nudge(s.Context(), "shop", reconcile.BySchedule)
		time.Sleep(10 * time.Second)
		s.sizes("shop", map[string]int{"web": 1, "db": 1})
		if got := s.cloud.mutations("shop"); got != 2 {
			s.Errorf("%d calls, want 2: the creations", got)
		}
	}, entry("shop", func(e *daemon.Entry) { e.Poll = 10 * time.Minute }))
}

// What is ordered while the stack is still being read counts for the first write.
func TestOrderedWhileReading(t *testing.T) {
	for _, verb := range []reconcile.Verb{reconcile.Suspend, reconcile.HoldKey, reconcile.Freeze} {
		t.Run(string(verb), func(t *testing.T) {
			play(t, func(s *scene) {
				s.push("/repos/shop", "aaaa")
				s.look("shop", reconcile.ByStartup)
				s.push("/repos/shop", "bbbb", "web")
				s.reading = func() { s.store.order(owner("shop"), verb, func(o *reconcile.Order) { o.Key = "Item/web" }) }
				s.look("shop", reconcile.ByPush)
				s.sizes("shop", nil)
				for _, run := range s.runs("shop") {
					if run.Type == "run" {
						s.Errorf("a run began: %+v", run)
					}
				}
			}, entry("shop"))
		})
	}
}

// What is ordered during a pass stops what that pass has not begun.
func TestOrderedDuringAPass(t *testing.T) {
	for _, verb := range []reconcile.Verb{reconcile.Suspend, reconcile.HoldKey} {
		t.Run(string(verb), func(t *testing.T) {
			play(t, func(s *scene) {
				s.push("/repos/shop", "aaaa", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o")
				s.cloud.latency = 100 * time.Millisecond
				var once sync.Once
				s.cloud.during = func(string, string) {
					once.Do(func() {
						s.store.order(owner("shop"), verb, func(o *reconcile.Order) { o.Key = "Item/o"; o.Until = time.Now().Add(time.Hour) })
					})
				}
				s.look("shop", reconcile.ByPush)
				if s.cloud.sizes("shop")["o"] != 0 {
					s.Errorf("o was made: %v", s.cloud.sizes("shop"))
				}
				if run := s.runs("shop")[0]; run.Status != reconcile.RunCanceled {
					s.Errorf("got %+v", run)
				}
				stop := s.goOn()
				time.Sleep(2 * time.Hour)
				stop()
				if got := len(s.cloud.sizes("shop")); got != 15 || s.cloud.mutations("shop") != 15 {
					s.Errorf("%d of 15 are there after %d calls", got, s.cloud.mutations("shop"))
				}
			}, entry("shop"))
		})
	}
}

// An approval is not over because the plan cannot be seen whole for a moment.
func TestApprovalOutlivesWhatCannotBeRead(t *testing.T) {
	for name, covers := range map[string]bool{"with its changes": true, "by the plan's hash": false} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				s.push("/repos/shop", "aaaa", "web")
				s.look("shop", reconcile.ByPush)
				var changes []reconcile.Approval
				if covers {
					changes = []reconcile.Approval{{Key: "Item/web", Action: reconcile.Create, Hash: s.item("shop", "Item/web").Hash}}
				}
				s.approve("shop", s.standing("shop").Plan, changes)
				s.cloud.spoil("shop", &reconcile.Error{Class: reconcile.Unavailable, Message: "the API is down"})
				s.look("shop", reconcile.ByPerson)
				s.cloud.spoil("shop", nil)
				s.look("shop", reconcile.ByPerson)
				s.sizes("shop", map[string]int{"web": 1})
			}, entry("shop", propose))
		})
	}
}

// A relaunch sees some keys only, and leaves approvals of the others alone.
func TestApprovalOutlivesARelaunch(t *testing.T) {
	play(t, func(s *scene) {
		s.cloud.refuse("create db", &reconcile.Error{Class: reconcile.Quota, Message: "quota exceeded"})
		s.push("/repos/shop", "aaaa", "db")
		s.look("shop", reconcile.ByPush)
		s.approve("shop", s.standing("shop").Plan, nil)
		s.look("shop", reconcile.ByPerson)
		failed := s.runs("shop")[0]
		s.push("/repos/shop", "bbbb", "db", "web")
		s.look("shop", reconcile.ByPush)
		s.cloud.refuse("create db", nil)
		s.approve("shop", s.standing("shop").Plan, []reconcile.Approval{{Key: "Item/web", Action: reconcile.Create, Hash: s.item("shop", "Item/web").Hash}})
		s.store.order(owner("shop"), reconcile.Relaunch, func(o *reconcile.Order) { o.Value = failed.JID })
		s.look("shop", reconcile.ByRelaunch)
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 1, "db": 1})
	}, entry("shop", propose))
}

// What was approved and done is done: what somebody changes live afterwards is
// news, however long the rest of the approval takes.
func TestApprovalCoversNoLaterDrift(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=1", "api")
		s.look("shop", reconcile.ByPush)
		s.approve("shop", s.standing("shop").Plan, nil)
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 1, "api": 1})
		time.Sleep(time.Hour)
		s.cloud.refuse("create db", &reconcile.Error{Class: reconcile.Quota, Message: "quota exceeded"})
		s.push("/repos/shop", "bbbb", "web size=2", "api", "db", "new")
		s.look("shop", reconcile.ByPush)
		s.approve("shop", s.standing("shop").Plan, nil)
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 2, "api": 1, "new": 1})
		time.Sleep(time.Hour)
		s.cloud.byHand("shop", "web", func(t *thing) { t.spec.Size = 7 })
		s.cloud.byHand("shop", "new", func(t *thing) { t.deleted = true })
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 7, "api": 1})
		s.cloud.refuse("create db", nil)
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 7, "api": 1, "db": 1}) // which is still covered
	}, entry("shop", propose))
}

// A replica that lost its turn does not write over what the next one found.
func TestLateLookWritesOverNothing(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.look("shop", reconcile.ByStartup)
		s.push("/repos/shop", "bbbb", "web size=2")
		newer := s.standing("shop")
		newer.Accepted, newer.Looked, newer.Sentence = hash("cccc"), time.Now().Add(time.Minute), "by another replica"
		s.cloud.during = func(string, string) { s.store.SaveStanding(s.Context(), newer) }
		s.look("shop", reconcile.ByPush)
		if got := s.standing("shop"); got.Accepted != newer.Accepted || got.Sentence != newer.Sentence {
			s.Errorf("got %+v", got)
		}
	}, entry("shop"))
}

// A provider that panics fails its own step or listing, and the daemon lives.
func TestProviderPanics(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web", "db")
		s.push("/repos/other", "aaaa", "web")
		s.cloud.during = func(verb, name string) {
			if name == "db" {
				panic("nil pointer")
			}
		}
		s.look("shop", reconcile.ByPush)
		s.sizes("shop", map[string]int{"web": 1})
		if run := s.runs("shop")[0]; run.Status != reconcile.RunFailed {
			s.Errorf("got %+v", run)
		}
		if item := s.item("shop", "Item/db"); !strings.Contains(item.Reasons[0].Text, "a mistake in reconcile") {
			s.Errorf("got %+v", item)
		}
		s.cloud.listing = func(project string) {
			if project == "other" {
				panic("index out of range")
			}
		}
		s.look("other", reconcile.ByPush)
		s.want("other", reconcile.Unclear, "")
	}, entry("shop"), entry("other"))
}

// A call that never ends does not keep the stack, and its worker, for ever.
func TestCallThatHangs(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.look("shop", reconcile.ByStartup)
		s.push("/repos/shop", "bbbb", "web", "db")
		s.cloud.hang = "db"
		start := time.Now()
		s.look("shop", reconcile.ByPush)
		if took := time.Since(start); took > time.Hour {
			s.Errorf("the look took %s", took)
		}
		if lease, err := s.store.Lease(s.Context(), owner("shop"), "somebody else"); err != nil || lease == nil {
			s.Errorf("the stack is not free: %v", err)
		}
	}, entry("shop"))
}

// The repository calls the stack by another name. What people ordered about it
// goes on, and so does a rollback when the operator's file names it anew.
func TestRenamedStackStaysSuspended(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=1")
		s.look("shop", reconcile.ByStartup)
		order := s.store.order(owner("shop"), reconcile.Suspend, func(o *reconcile.Order) { o.Until = time.Now().Add(time.Hour) })
		_, uid, _ := strings.Cut(owner("shop"), ".")
		for _, name := range []string{"bbbb", "cccc"} {
			s.commit("/repos/shop", name, func(c *commit) { c.owner, c.items = "store."+uid, []string{"web size=2"} })
			s.look("shop", reconcile.ByPush)
			s.sizes("shop", map[string]int{"web": 1})
			s.want("shop", reconcile.Suspended, "")
		}
		if why := s.store.ended(order.ID); !strings.HasPrefix(why, "goes on as ") {
			s.Errorf("ended as %q", why)
		}
		time.Sleep(2 * time.Hour)
		s.look("shop", reconcile.BySchedule)
		s.sizes("shop", map[string]int{"web": 2})
	}, entry("shop"))
}

// A stack that the operator's file calls otherwise is still rolled back.
func TestRollbackOutlivesANewName(t *testing.T) {
	play(t, func(s *scene) {
		s.rollBack()
		shop := s.config.Stacks[0]
		shop.Name = "store"
		s.config.Stacks = []daemon.Entry{shop}
		s.push("/repos/shop", "cccc", "web size=3")
		s.store.Retire(s.Context(), []string{"shop"})
		s.change("/repos/shop", func(r *repo) {
			for name, c := range r.commits {
				c.owner = owner("shop")
				r.commits[name] = c
			}
		})
		s.begin()
		s.look("store", reconcile.ByStartup)
		s.sizes("store", map[string]int{"web": 1})
	}, entry("shop"))
}

// Pushes that never stop do not keep the stack where it was for ever.
func TestSettleIsNotForEver(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=1")
		stop := s.goOn()
		time.Sleep(5 * time.Minute)
		for i := range 60 {
			s.push("/repos/shop", fmt.Sprintf("f%dx", i), fmt.Sprintf("web size=%d", 2+i))
			time.Sleep(time.Minute)
		}
		stop()
		if got := s.cloud.sizes("shop")["web"]; got < 20 {
			s.Errorf("after an hour of pushes the size is %d", got)
		}
	}, entry("shop", func(e *daemon.Entry) { e.Settle = 2 * time.Minute }))
}

// What is deleted is listed afresh, also in a look that took the stack first: a
// listing from just before shows a resource that somebody has taken away since.
func TestDeletionListsAfresh(t *testing.T) {
	play(t, func(s *scene) {
		s.line.listings = reconcile.NewListings(wallClock{}, 12*time.Second)
		s.push("/repos/shop", "aaaa", "web")
		s.look("shop", reconcile.ByStartup)
		time.Sleep(time.Hour)
		name, uid, _ := strings.Cut(owner("shop"), ".")
		s.cloud.Create(s.Context(), reconcile.Desired[itemSpec]{Name: "web", Scope: reconcile.Scope{Project: "shop"}, Spec: itemSpec{Size: 1, Color: "red"},
			Mark: reconcile.Mark{Stack: name, UID: uid, Key: "Item/web", Rev: hash("aaaa")}})
		suspended := s.store.order(owner("shop"), reconcile.Suspend, nil)
		s.look("shop", reconcile.BySchedule) // which lists
		s.store.Withdraw(s.Context(), suspended.ID, reconcile.Actor{}, "go on")
		s.cloud.byHand("shop", "web", func(t *thing) { t.deleted = t.id == "item-1" })
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 1})
	}, entry("shop"))
}

// A job has written to the stack: a listing from before does not serve it, though
// this daemon has written nothing.
func TestListingFromBeforeAJob(t *testing.T) {
	play(t, func(s *scene) {
		s.line.listings = reconcile.NewListings(wallClock{}, 12*time.Second)
		s.push("/repos/shop", "aaaa", "web size=1")
		s.look("shop", reconcile.ByStartup)
		time.Sleep(time.Hour)
		s.look("shop", reconcile.BySchedule) // which lists
		s.push("/repos/shop", "bbbb", "web size=2")
		job := &scene{T: s.T, line: newLine(s.cloud), cloud: s.cloud, store: newMemory(), config: s.config}
		job.line.repos, job.store.records = s.line.repos, s.store.records
		job.begin()
		job.look("shop", reconcile.ByPush)
		s.store.records = job.store.records
		s.push("/repos/shop", "cccc", "web size=1")
		s.look("shop", reconcile.ByPush)
		s.sizes("shop", map[string]int{"web": 1})
	}, entry("shop"))
}
