package daemon_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

func propose(e *daemon.Entry) { e.Mode = "propose" }

// approve orders that a plan may run, as the API does: with what it covers, or
// with nothing but its hash.
func (s *scene) approve(name, plan string, changes []reconcile.Approval) reconcile.Order {
	return s.store.order(owner(name), reconcile.Approve, func(o *reconcile.Order) { o.Value, o.Changes = plan, changes })
}

func TestProposedPlanWaitsForApproval(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web", "db")
		s.look("shop", reconcile.ByPush)
		s.sizes("shop", nil)
		plan := s.standing("shop").Plan
		s.want("shop", reconcile.Awaiting, "2 changes for aaaa000 wait for approval, plan "+plan[:12])
		s.look("shop", reconcile.BySchedule)
		runs := s.runs("shop")
		if len(runs) != 1 || runs[0].Status != reconcile.RunWaiting || runs[0].Plan != plan || !runs[0].Finished.IsZero() {
			s.Fatalf("one run waits; got %+v", runs)
		}
		order := s.approve("shop", plan, nil)
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 1, "db": 1})
		s.want("shop", reconcile.InSync, "matches Git at aaaa000")
		runs = s.runs("shop")
		if len(runs) != 1 || runs[0].Status != reconcile.RunSuccessful || !slices.Equal(runs[0].Approved, []string{"jane"}) {
			s.Errorf("the run that waited is the one that ran; got %+v", runs)
		}
		if why := s.store.ended(order.ID); !strings.HasPrefix(why, "goes on as ") {
			s.Errorf("the order ended as %q", why)
		}
		left, _ := s.store.Orders(s.Context(), owner("shop"), false)
		if len(left) != 0 {
			s.Errorf("an approval of what is done is still in force: %+v", left)
		}
		if told := s.told(); len(told) != 2 || !strings.HasPrefix(told[0], "plan-waits: ") || !strings.HasPrefix(told[1], "recovered: ") {
			s.Errorf("told %q", told)
		}
	}, entry("shop", propose))
}

// What was approved runs, and nothing else; a hash of another plan approves nothing.
func TestApprovalCoversWhatWasShown(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.look("shop", reconcile.ByPush)
		old := s.standing("shop").Plan
		changes := []reconcile.Approval{{Key: "Item/web", Action: reconcile.Create, Hash: s.item("shop", "Item/web").Hash}}
		s.push("/repos/shop", "bbbb", "web", "db")
		s.look("shop", reconcile.ByPush)
		if runs := s.runs("shop"); len(runs) != 2 || runs[1].Status != reconcile.RunCanceled || runs[1].Explanation != "another plan took its place" {
			s.Errorf("got %+v", runs)
		}
		stale := s.approve("shop", old, nil)
		s.look("shop", reconcile.ByPerson)
		if why := s.store.ended(stale.ID); !strings.HasPrefix(why, "not followed: the plan is another one by now, ") {
			s.Errorf("ended as %q", why)
		}
		if notes := s.standing("shop").Problems; len(notes) != 2 || !strings.HasPrefix(notes[1], "approval by jane not followed") {
			s.Errorf("the standing says nothing of it: %q", notes)
		}
		s.sizes("shop", nil)
		s.approve("shop", old, changes)
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 1})
		s.want("shop", reconcile.Awaiting, "")
	}, entry("shop", propose))
}

// A plan that needs two people waits for both: what the first one said is not
// forgotten meanwhile, and the same one twice is one.
func TestProposedPlanWaitsForTwo(t *testing.T) {
	by := func(s *scene, user string) reconcile.Order {
		plan := s.standing("shop").Plan
		return s.store.order(owner("shop"), reconcile.Approve, func(o *reconcile.Order) {
			o.Value, o.By = plan, reconcile.Actor{Kind: "api", User: user, Via: user, Email: user}
		})
	}
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.look("shop", reconcile.ByPush)
		plan := s.standing("shop").Plan
		waits := "1 change for aaaa000 waits for approval, plan " + plan[:12]
		s.want("shop", reconcile.Awaiting, waits+": 0 of 2")
		if q := s.standing("shop").Quorum; q == nil || q.Count != 2 {
			s.Errorf("the standing asks for %+v", q)
		}
		by(s, "jane@example.com")
		for range 2 {
			s.look("shop", reconcile.ByPerson)
			s.want("shop", reconcile.Awaiting, waits+": 1 of 2 (jane@example.com)")
		}
		by(s, "Jane@Example.com")
		s.look("shop", reconcile.ByPerson)
		s.want("shop", reconcile.Awaiting, waits+": 1 of 2 (jane@example.com)")
		s.sizes("shop", nil)
		if item := s.item("shop", "Item/web"); len(item.Reasons) != 1 || item.Reasons[0].Text != "waits for approval: 1 of 2 (jane@example.com)" {
			s.Errorf("got %+v", item.Reasons)
		}
		by(s, "bob@example.com")
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 1})
		s.want("shop", reconcile.InSync, "matches Git at aaaa000")
		if left, _ := s.store.Orders(s.Context(), owner("shop"), false); len(left) != 0 {
			s.Errorf("approvals of what is done are still in force: %+v", left)
		}
	}, entry("shop", propose, func(e *daemon.Entry) { e.Bounds.Approvals.Count = 2 }))
}

func TestCanceledProposalIsNotMadeAgain(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.look("shop", reconcile.ByPush)
		run := s.runs("shop")[0]
		order := s.store.order(owner("shop"), reconcile.Cancel, func(o *reconcile.Order) { o.Value = run.JID })
		for range 3 {
			s.look("shop", reconcile.BySchedule)
		}
		if runs := s.runs("shop"); len(runs) != 1 || runs[0].Status != reconcile.RunCanceled {
			s.Errorf("got %+v", runs)
		}
		if why := s.store.ended(order.ID); why != "done" {
			s.Errorf("ended as %q", why)
		}
	}, entry("shop", propose))
}

func TestSuspendHoldAndTheirEnds(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web", "db")
		s.look("shop", reconcile.ByStartup)
		s.store.order(owner("shop"), reconcile.Suspend, func(o *reconcile.Order) { o.Until, o.Reason = time.Now().Add(3*time.Hour), "release day" })
		s.push("/repos/shop", "bbbb", "web size=2", "db size=2")
		if again := s.look("shop", reconcile.ByPush); again > 10*time.Minute {
			s.Errorf("comes back after %s", again)
		}
		s.want("shop", reconcile.Suspended, "suspended by jane until 2000-01-01 03:00 UTC: release day")
		item := s.item("shop", "Item/web")
		if item.State != "held" || item.Reasons[0].Guard != "suspend" || item.Next.UTC().Hour() != 3 {
			s.Errorf("got %+v", item)
		}
		s.store.order(owner("shop"), reconcile.HoldKey, func(o *reconcile.Order) { o.Key, o.Until = "Item/db", time.Now().Add(5*time.Hour) })
		stop := s.goOn()
		time.Sleep(3*time.Hour + time.Minute)
		s.sizes("shop", map[string]int{"web": 2, "db": 1})
		s.want("shop", reconcile.OnHold, "1 change held: Item/db: Item/db is held by jane until 2000-01-01 05:00 UTC")
		time.Sleep(2 * time.Hour)
		stop()
		s.sizes("shop", map[string]int{"web": 2, "db": 2})
		told := s.told()
		if !slices.Contains(told, "order-expired: over: suspended by jane until 2000-01-01 03:00 UTC: release day") ||
			!slices.Contains(told, "order-expired: over: Item/db is held by jane until 2000-01-01 05:00 UTC") {
			s.Errorf("told %q", told)
		}
	}, entry("shop"))
}

// A freeze stops a run under way before its next write, and for all stacks.
func TestFreezeStopsEveryWrite(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o")
		s.push("/repos/other", "aaaa", "web")
		s.cloud.latency = 100 * time.Millisecond
		var once sync.Once
		s.cloud.during = func(string, string) {
			once.Do(func() { s.store.order(reconcile.EveryStack, reconcile.Freeze, nil) })
		}
		s.look("shop", reconcile.ByPush)
		begun := s.cloud.mutations("shop")
		if begun == 0 || begun > 10 { // those that were under way
			s.Errorf("%d calls", begun)
		}
		s.want("shop", reconcile.Suspended, "everything is frozen by jane")
		if run := s.runs("shop")[0]; run.Status != reconcile.RunCanceled || run.Explanation != "everything is frozen by jane" {
			s.Errorf("got %+v", run)
		}
		s.look("other", reconcile.ByPush)
		s.sizes("other", nil)
		s.want("other", reconcile.Suspended, "everything is frozen by jane")
	}, entry("shop"), entry("other"))
}

func TestCancelEndsARun(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.cloud.slow = time.Hour
		stop := s.goOn()
		time.Sleep(time.Minute)
		order := s.store.order(owner("shop"), reconcile.Cancel, func(o *reconcile.Order) { o.Value = s.runs("shop")[0].JID })
		time.Sleep(2 * time.Second)
		if run := s.runs("shop")[0]; run.Status != reconcile.RunCanceled || run.Explanation != "canceled by jane" {
			s.Errorf("got %+v", run)
		}
		if why := s.store.ended(order.ID); why != "done" {
			s.Errorf("ended as %q", why)
		}
		stop()
	}, entry("shop"))
}

// The lease ends during a run: nothing more is changed under it.
func TestLostLeaseEndsTheRun(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.cloud.slow = time.Hour
		stop := s.goOn()
		time.Sleep(time.Minute)
		s.store.lose(owner("shop"))
		time.Sleep(2 * time.Second)
		runs := s.runs("shop")
		if last := runs[len(runs)-1]; last.Status != reconcile.RunError || !strings.Contains(last.Explanation, "was taken over by another run") {
			s.Errorf("got %+v", last)
		}
		stop()
	}, entry("shop"))
}

func TestRelaunchOfWhatFailed(t *testing.T) {
	play(t, func(s *scene) {
		s.cloud.refuse("create db", &reconcile.Error{Class: reconcile.Quota, Message: "quota exceeded"})
		s.push("/repos/shop", "aaaa", "web", "db")
		s.look("shop", reconcile.ByPush)
		failed := s.runs("shop")[0]
		time.Sleep(5 * time.Minute)
		s.cloud.refuse("create db", nil)
		s.cloud.byHand("shop", "web", func(t *thing) { t.spec.Size = 4 })
		order := s.store.order(owner("shop"), reconcile.Relaunch, func(o *reconcile.Order) { o.Value = failed.JID })
		again := s.look("shop", reconcile.ByRelaunch)
		s.sizes("shop", map[string]int{"web": 4, "db": 1}) // only what failed
		run := s.runs("shop")[0]
		if run.Launch != reconcile.ByRelaunch || run.Parent != failed.JID || !slices.Equal(run.Limit, []reconcile.Key{"Item/db"}) || run.Status != reconcile.RunSuccessful {
			s.Errorf("got %+v", run)
		}
		if why := s.store.ended(order.ID); why != "done" || again != 2*time.Second {
			s.Errorf("ended as %q, comes back after %s", why, again)
		}
		s.look("shop", reconcile.BySchedule)
		s.sizes("shop", map[string]int{"web": 1, "db": 1})
	}, entry("shop"))
}

// Fresh drift by hand is told of first, and changed back after a while.
func TestRepairAfter(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=2")
		s.look("shop", reconcile.ByStartup)
		time.Sleep(time.Hour)
		stop := s.goOn()
		time.Sleep(10 * time.Minute)
		s.cloud.byHand("shop", "web", func(t *thing) { t.spec.Size = 7 })
		time.Sleep(10 * time.Minute)
		s.sizes("shop", map[string]int{"web": 7})
		want := "1 resource changed outside Git (Item/web): changed outside Git, seen since 2000-01-01 01:20 UTC; it is changed back after 2000-01-01 01:50 UTC"
		s.want("shop", reconcile.Drifting, want)
		time.Sleep(31 * time.Minute)
		stop()
		s.sizes("shop", map[string]int{"web": 2})
		told := s.told()
		if len(told) != 3 || told[0] != "drift-found: "+want || told[1] != "drift-found: changed outside Git, and changed back: Item/web" {
			s.Errorf("told %q", told)
		}
	}, entry("shop", func(e *daemon.Entry) { e.RepairAfter = 30 * time.Minute }))
}

func TestWindowHoldsAndOverrideLifts(t *testing.T) {
	play(t, func(s *scene) {
		s.commit("/repos/shop", "aaaa", func(c *commit) {
			c.items = []string{"web"}
			c.policy = func(p *reconcile.Policy) {
				p.Windows = []reconcile.Window{{Kind: "deny", Schedule: "0 0 * * *", Duration: 6 * time.Hour, TimeZone: "UTC", Reason: "backups", Pos: reconcile.Pos{File: "stack.yaml", Line: 9}}}
			}
		})
		s.look("shop", reconcile.ByPush)
		s.want("shop", reconcile.OnHold, "1 change held: Item/web: a window keeps changes off until 2000-01-01 06:00 UTC: backups (stack.yaml:9)")
		if item := s.item("shop", "Item/web"); item.Next.UTC().Hour() != 6 {
			s.Errorf("got %+v", item)
		}
		s.store.order(owner("shop"), reconcile.Override, func(o *reconcile.Order) { o.Until, o.Reason = time.Now().Add(time.Hour), "urgent" })
		s.look("shop", reconcile.ByPerson)
		s.sizes("shop", map[string]int{"web": 1})
		s.cloud.byHand("shop", "web", func(t *thing) { t.spec.Size = 3 })
		time.Sleep(2 * time.Hour)
		stop := s.goOn()
		time.Sleep(3 * time.Hour)
		s.want("shop", reconcile.Drifting, "")
		time.Sleep(time.Hour + time.Minute)
		stop()
		s.sizes("shop", map[string]int{"web": 1})
	}, entry("shop"))
}

// A repository's window opens nothing that the operator's keep closed, and the
// other way round.
func TestARepositoryOpensNoWindowOfTheOperator(t *testing.T) {
	allow := func(schedule string, open time.Duration) []reconcile.Window {
		return []reconcile.Window{{Kind: "allow", Schedule: schedule, Duration: open, TimeZone: "UTC"}}
	}
	always, day := allow("* * * * *", time.Hour), allow("0 9 * * *", 8*time.Hour)
	for name, who := range map[string]struct{ operator, repository []reconcile.Window }{"operator": {day, always}, "repository": {always, day}} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				s.commit("/repos/shop", "aaaa", func(c *commit) {
					c.items = []string{"web"}
					c.policy = func(p *reconcile.Policy) { p.Windows = who.repository }
				})
				s.look("shop", reconcile.ByPush)
				s.want("shop", reconcile.OnHold, "1 change held: Item/web: outside the window 0 9 * * * (UTC); the next one opens at 2000-01-01 09:00 UTC")
				if item := s.item("shop", "Item/web"); item.Next.UTC().Hour() != 9 {
					s.Errorf("got %+v", item)
				}
				stop := s.goOn()
				time.Sleep(9*time.Hour + 20*time.Minute)
				stop()
				s.sizes("shop", map[string]int{"web": 1})
			}, entry("shop", func(e *daemon.Entry) { e.Windows = who.operator }))
		})
	}
}

// While something goes on, people are reminded, and told when it is over.
func TestReminders(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.cloud.refuse("create web", &reconcile.Error{Class: reconcile.Invalid, Message: "no"})
		s.config.Notify = []daemon.Notify{{Name: "ops", Remind: 10 * time.Hour}}
		s.begin()
		stop := s.goOn()
		time.Sleep(25 * time.Hour)
		told := s.told()
		again := 0
		for _, text := range told {
			if strings.HasPrefix(text, "again: run-failed: ") {
				again++
			}
		}
		if again < 2 || again > 3 || len(told) != again+1 {
			s.Errorf("told %q", told)
		}
		s.cloud.refuse("create web", nil)
		time.Sleep(2 * time.Hour)
		stop()
		if told := s.told(); len(told) != 1 || told[0] != "recovered: matches Git at aaaa000" {
			s.Errorf("told %q", told)
		}
	}, entry("shop"))
}

// A resource in error is told of by name after twelve hours.
func TestResourceInError(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.look("shop", reconcile.ByStartup)
		s.cloud.byHand("shop", "web", func(t *thing) { t.failed = true })
		stop := s.goOn()
		time.Sleep(11 * time.Hour)
		if told := s.told(); len(told) != 1 || !strings.HasPrefix(told[0], "run-failed: Item/web failed") {
			s.Errorf("told %q", told)
		}
		time.Sleep(2 * time.Hour)
		stop()
		if told := s.told(); len(told) != 1 || !strings.HasPrefix(told[0], "resource-failed: Item/web is in error since 2000-01-01 00:") {
			s.Errorf("told %q", told)
		}
	}, entry("shop"))
}
