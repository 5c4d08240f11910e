package daemon_test

import (
	"slices"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// A stack that was never seen is applied, leaves one run, and then only its standing moves.
func TestFirstLookAppliesAndSecondIsQuiet(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=2", "db")
		s.cloud.slow = 20 * time.Second
		s.look("shop", reconcile.ByStartup)
		s.sizes("shop", map[string]int{"web": 2, "db": 1})
		s.want("shop", reconcile.InSync, "matches Git at aaaa000")
		runs := s.runs("shop")
		if len(runs) != 1 || runs[0].Status != reconcile.RunSuccessful || runs[0].Type != "run" || runs[0].Counts.Changed != 2 || runs[0].Launch != reconcile.ByStartup {
			s.Fatalf("got %+v", runs)
		}
		if want := []string{"plan.txt", "return.json"}; !slices.Equal(runs[0].Artefacts, want) {
			s.Errorf("files of the run: %v, want %v", runs[0].Artefacts, want)
		}
		got := s.standing("shop")
		if got.Applied != hash("aaaa") || got.Accepted != hash("aaaa") || got.Succeeded.IsZero() || got.Stack != owner("shop") || got.Counts.Ok != 2 {
			s.Errorf("got %+v", got)
		}
		before := got.Since
		time.Sleep(time.Hour)
		again := s.look("shop", reconcile.BySchedule)
		if again < time.Second || again > 12*time.Minute {
			s.Errorf("comes back after %s", again)
		}
		if got := s.standing("shop"); len(s.runs("shop")) != 1 || !got.Since.Equal(before) || s.cloud.mutations("shop") != 2 {
			s.Errorf("a look that finds nothing left a trace: %+v", got)
		}
		if told := s.told(); len(told) > 0 {
			s.Errorf("told %v", told)
		}
	}, entry("shop"))
}

// What somebody changed live is found and changed back on schedule, and told.
func TestDriftIsRepaired(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=2")
		s.look("shop", reconcile.ByStartup)
		s.cloud.byHand("shop", "web", func(t *thing) { t.spec.Size = 7 })
		time.Sleep(time.Hour)
		s.look("shop", reconcile.BySchedule)
		s.sizes("shop", map[string]int{"web": 2})
		s.want("shop", reconcile.InSync, "matches Git at aaaa000")
		if told := s.told(); !slices.Equal(told, []string{"drift-found: changed outside Git, and changed back: Item/web"}) {
			s.Errorf("told %q", told)
		}
	}, entry("shop"))
}

func TestObserveShowsDriftAndChangesNothing(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web size=2")
		s.look("shop", reconcile.ByStartup)
		s.config.Stacks[0].Mode = "observe"
		s.begin()
		s.cloud.byHand("shop", "web", func(t *thing) { t.spec.Size = 7 })
		s.look("shop", reconcile.BySchedule)
		s.sizes("shop", map[string]int{"web": 7})
		s.want("shop", reconcile.Drifting, "1 resource changed outside Git (Item/web): the stack is only observed")
		item := s.item("shop", "Item/web")
		if item.State != "drift" || item.Origin != "web.yaml:1" || !slices.Equal(item.Fields, []string{"size 7 -> 2 (drift)"}) {
			s.Errorf("got %+v", item)
		}
		if runs := s.runs("shop"); len(runs) != 2 || runs[0].Type != "check" || runs[0].Status != reconcile.RunSuccessful {
			s.Errorf("another condition leaves a run that changed nothing; got %+v", runs)
		}
		s.look("shop", reconcile.BySchedule)
		if len(s.runs("shop")) != 2 {
			s.Error("the same condition left a run again")
		}
		if notes := s.standing("shop").Problems; !slices.Equal(notes, []string{"mode is observe: the operator allows no more than that, the repository says auto"}) {
			s.Errorf("got %q", notes)
		}
	}, entry("shop"))
}

// What failed is tried again after a minute, then two, and not before; what
// succeeded stays. A person's nudge tries at once.
func TestFailureBacksOff(t *testing.T) {
	play(t, func(s *scene) {
		s.cloud.refuse("create db", &reconcile.Error{Class: reconcile.Quota, Message: "quota exceeded"})
		s.push("/repos/shop", "aaaa", "web", "db")
		again := s.look("shop", reconcile.ByPush)
		if again != time.Minute {
			s.Errorf("tried again after %s, want 1m", again)
		}
		s.sizes("shop", map[string]int{"web": 1})
		s.want("shop", reconcile.Broken, "")
		tries := s.cloud.mutations("shop")
		s.look("shop", reconcile.BySchedule)
		if got := s.cloud.mutations("shop"); got != tries {
			s.Error("it was tried again before its time")
		}
		s.want("shop", reconcile.Broken, "Item/db failed: quota exceeded; tried again at 2000-01-01 00:01 UTC")
		if item := s.item("shop", "Item/db"); item.State != "failed" || len(item.Reasons) != 2 || item.Reasons[1].Guard != "back-off" {
			s.Errorf("got %+v", item)
		}
		time.Sleep(3 * time.Minute) // the settle time of a create
		if again := s.look("shop", reconcile.BySchedule); again != 2*time.Minute || s.cloud.mutations("shop") == tries {
			s.Errorf("tried again after %s, want 2m", again)
		}
		s.cloud.refuse("create db", nil)
		time.Sleep(2 * time.Minute)
		s.look("shop", reconcile.ByPerson)
		s.want("shop", reconcile.InSync, "")
		want := []string{
			"run-failed: Item/db failed: quota exceeded; tried again at 2000-01-01 00:01 UTC", "recovered: matches Git at aaaa000",
		}
		if told := s.told(); !slices.Equal(told, want) {
			s.Errorf("told %q, want %q", told, want)
		}
		if runs := s.runs("shop"); runs[0].Status != reconcile.RunSuccessful || runs[len(runs)-1].Status != reconcile.RunFailed {
			s.Errorf("got %+v", runs)
		}
	}, entry("shop"))
}

// Another run has the stack: the look says who, changes nothing, and comes back.
func TestBusyStack(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.look("shop", reconcile.ByStartup)
		other, _ := s.store.Lease(s.Context(), owner("shop"), "gitlab-ci jane")
		s.push("/repos/shop", "bbbb", "web size=3")
		if again := s.look("shop", reconcile.ByPush); again != 5*time.Second {
			s.Errorf("comes back after %s", again)
		}
		s.want("shop", reconcile.InSync, "being changed by gitlab-ci jane since 2000-01-01 00:00 UTC")
		s.sizes("shop", map[string]int{"web": 1})
		other.Release()
		s.look("shop", reconcile.ByPush)
		s.sizes("shop", map[string]int{"web": 3})
	}, entry("shop"))
}

func TestUnreadableListing(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.look("shop", reconcile.ByStartup)
		s.cloud.spoil("shop", &reconcile.Error{Class: reconcile.Unavailable, Message: "the API is down"})
		s.push("/repos/shop", "bbbb")
		s.look("shop", reconcile.ByPush)
		s.sizes("shop", map[string]int{"web": 1})
		s.want("shop", reconcile.Unclear, "Item could not be read: list Item: the API is down")
		if got := s.standing("shop"); got.Counts.Unknown != 1 || got.Applied != hash("aaaa") {
			s.Errorf("got %+v", got)
		}
		time.Sleep(time.Minute)
		s.look("shop", reconcile.BySchedule)
		s.want("shop", reconcile.Unclear, "Item could not be read since 2000-01-01 00:00 UTC: list Item: the API is down")
	}, entry("shop"))
}

// The process was killed: who takes the stack next closes its run.
func TestDeadRunIsClosed(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web")
		s.store.SaveRun(s.Context(), reconcile.Run{JID: "00000000000000000000", Stack: owner("shop"), Status: reconcile.RunRunning})
		s.look("shop", reconcile.ByStartup)
		runs := s.runs("shop")
		if last := runs[len(runs)-1]; last.Status != reconcile.RunError || last.Explanation != "its process ended before the run did; the next run goes on from there" {
			s.Errorf("got %+v", last)
		}
	}, entry("shop"))
}

func TestBounds(t *testing.T) {
	play(t, func(s *scene) {
		s.push("/repos/shop", "aaaa", "web", "a", "b", "c")
		s.look("shop", reconcile.ByStartup)
		s.push("/repos/shop", "bbbb", "web")
		s.look("shop", reconcile.ByPush)
		s.want("shop", reconcile.OnHold, "3 changes held: Item/a: 3 resources of 3 manifests would be destroyed, and maxDeletes allows 2 manifests in one run")
		s.config.Stacks[0].Bounds.Prune = false
		s.begin()
		s.look("shop", reconcile.ByPush)
		s.want("shop", reconcile.OnHold, "3 changes held: Item/a: prune is off (the operator's file)")
		s.config.Stacks[0].Bounds = daemon.Bounds{Prune: true, MaxDeletes: -1, Kinds: []string{"Other"}}
		s.begin()
		s.look("shop", reconcile.ByPush)
		s.want("shop", reconcile.OnHold, "3 changes held: Item/a: the operator does not let this stack change the kind Item")
		s.config.Stacks[0].Bounds = daemon.Bounds{Prune: true, MaxDeletes: -1, Projects: []string{"other"}}
		s.begin()
		s.look("shop", reconcile.ByPush)
		s.want("shop", reconcile.Unread, "1 problem in the manifests of bbbb000: the operator does not let this stack use the project shop; use one of the projects in its bounds")
		s.sizes("shop", map[string]int{"web": 1, "a": 1, "b": 1, "c": 1})
	}, entry("shop", func(e *daemon.Entry) { e.Bounds.MaxDeletes = 2 }))
}
