package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
	"gitlab.com/reconciled/reconciled/reconcile/store/storetest"
)

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("stack%03d", i)
	}
	return names
}

// A world is what the cloud would see of all replicas.
type world struct {
	mu      sync.Mutex
	turns   map[string]int   // under way, by stack
	epochs  map[string]int64 // the greatest that changed something
	last    map[string]time.Time
	looks   int
	double  int             // turns of a stack that had one
	zombies int             // changes under an epoch that was over
	idle    []time.Duration // between a stack's turns
}

func newWorld() *world {
	return &world{turns: map[string]int{}, epochs: map[string]int64{}, last: map[string]time.Time{}}
}

// A replica is a process that works on the schedule.
type replica struct {
	*Store
	world *world
	way   *cable
	stop  context.CancelFunc
	done  chan error

	mu      sync.Mutex
	dead    bool
	turning map[string]bool
}

// start starts a replica whose looks end as look says.
func (w *world) start(t *testing.T, server *pgtest.Server, dsn string, workers int, look func(*replica, context.Context, reconcile.Turn) time.Duration) *replica {
	t.Helper()
	way := lay(t, server)
	ctx, stop := context.WithCancel(context.Background())
	r := &replica{Store: mustOpen(t, way.through(dsn), Options{TTL: shortTTL}), world: w, way: way, stop: stop, done: make(chan error, 1), turning: map[string]bool{}}
	go func() {
		r.done <- r.Work(ctx, reconcile.Work{
			Workers: map[reconcile.Queue]int{reconcile.PushQueue: workers, reconcile.DriftQueue: workers},
			Look: func(ctx context.Context, turn reconcile.Turn) time.Duration {
				if !r.begin(turn.Name) {
					<-ctx.Done() // a dead process does nothing, and does not say so
					return 0
				}
				// The right ends with the context; who still tidies up then changes nothing.
				over := sync.OnceFunc(func() { r.finish(turn.Name) })
				defer over()
				defer context.AfterFunc(ctx, over)()
				return look(r, ctx, turn)
			},
		})
	}()
	return r
}

const shortTTL = 3 * time.Second

// begin notes a turn. It is false for a replica that is dead.
func (r *replica) begin(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return false
	}
	r.turning[name] = true
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	w := r.world
	w.looks++
	if w.turns[name]++; w.turns[name] > 1 {
		w.double++
	}
	if last, ok := w.last[name]; ok {
		w.idle = append(w.idle, time.Since(last))
	}
	return true
}

func (r *replica) finish(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.turning[name] {
		r.leaveStack(name)
	}
}

// leaveStack notes the end of a turn. The caller has the lock.
func (r *replica) leaveStack(name string) {
	delete(r.turning, name)
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	r.world.turns[name]--
	r.world.last[name] = time.Now()
}

// kill ends a replica as SIGKILL does: nothing of it is done or given back.
func (r *replica) kill() {
	r.mu.Lock()
	r.dead = true
	for name := range r.turning {
		r.leaveStack(name)
	}
	r.mu.Unlock()
	r.way.rip()
	r.Store.end() // its goroutines, which have nothing to say any more
}

func (r *replica) isDead() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dead
}

// leave waits until a replica's work has ended.
func (r *replica) leave(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.done; err != nil && !r.isDead() {
		t.Errorf("work: %v", err)
	}
	r.way.mend()
	_ = r.Close()
}

// change is a call to the cloud, under an epoch.
func (r *replica) change(name string, epoch int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return
	}
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	if epoch < r.world.epochs[name] {
		r.world.zombies++
	}
	r.world.epochs[name] = max(epoch, r.world.epochs[name])
}

// runOnce takes the stack's lease, and makes some changes, each after its intent.
func (r *replica) runOnce(ctx context.Context, turn reconcile.Turn, changes int, between time.Duration) {
	l, err := r.Lease(ctx, turn.Name, "replica")
	if err != nil {
		return
	}
	defer func() {
		if !r.isDead() {
			_ = l.Release()
		}
	}()
	ctx, cancel := l.Context(ctx)
	defer cancel()
	for i := range changes {
		if l.Journal().Append(ctx, storetest.Intent(reconcile.NewKey("Container", fmt.Sprint(i)), "h", noon)) != nil || ctx.Err() != nil {
			return
		}
		r.change(turn.Name, l.Epoch())
		if !pause(ctx, between) {
			return
		}
	}
}

// TestR36_Replicas kills one of three replicas every so often, or cuts it off,
// and puts a new one in its place.
func TestR36_Replicas(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	dsn := server.DSN(t)
	observer := opened(t, dsn, Options{})
	const stacks, kills = 200, 5
	if err := observer.Enrol(t.Context(), numbered(stacks)); err != nil {
		t.Fatal(err)
	}
	w := newWorld()
	const again = 3 * time.Second
	look := func(r *replica, ctx context.Context, turn reconcile.Turn) time.Duration {
		r.runOnce(ctx, turn, 2, time.Duration(rand.IntN(40))*time.Millisecond)
		return again
	}
	replicas := []*replica{w.start(t, server, dsn, 6, look), w.start(t, server, dsn, 6, look), w.start(t, server, dsn, 6, look)}
	var gone []*replica
	for i := range kills {
		time.Sleep(2 * time.Second)
		old := replicas[i%3]
		if i%2 == 0 {
			old.kill()
		} else {
			old.way.cut() // it lives, and is to see by itself that it lost everything
		}
		gone = append(gone, old)
		replicas[i%3] = w.start(t, server, dsn, 6, look)
	}
	w.wait(t, stacks, time.Now()) // none is forgotten
	w.mu.Lock()
	idle, looks, double, zombies, seen := slices.Sorted(slices.Values(w.idle)), w.looks, w.double, w.zombies, len(w.epochs)
	w.mu.Unlock()
	var leaving sync.WaitGroup
	for _, r := range append(gone, replicas...) {
		leaving.Go(func() { r.leave(t) })
	}
	leaving.Wait()
	if double > 0 || zombies > 0 || seen != stacks {
		t.Errorf("%d turns of a stack that had one, %d late changes, %d stacks were changed", double, zombies, seen)
	}
	if _, err := observer.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	t.Logf("R36: %d turns over %d stacks, %d of 3 replicas killed or cut off: %d double turns, %d late changes; "+
		"idle between turns p99 %v, most %v (asked for: %v, TTL %v)", looks, stacks, kills, double, zombies,
		idle[len(idle)*99/100].Round(time.Millisecond), idle[len(idle)-1].Round(time.Millisecond), again, shortTTL)
}

// TestR35_Restart kills and stops the database while stacks are worked on.
func TestR35_Restart(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	dsn := server.DSN(t)
	const stacks = 20
	setUp := mustOpen(t, dsn, Options{})
	if err := setUp.Enrol(t.Context(), numbered(stacks)); err != nil {
		t.Fatal(err)
	}
	setUp.Close()
	w := newWorld()
	look := func(r *replica, ctx context.Context, turn reconcile.Turn) time.Duration {
		r.runOnce(ctx, turn, 3, 50*time.Millisecond)
		return 200 * time.Millisecond
	}
	replicas := []*replica{w.start(t, server, dsn, 10, look), w.start(t, server, dsn, 10, look)}
	var slowest time.Duration
	for _, outage := range []struct {
		end  func(testing.TB)
		last time.Duration
	}{{server.Kill, 300 * time.Millisecond}, {server.Stop, 0}, {server.Kill, shortTTL + time.Second}} {
		w.wait(t, stacks, time.Now())
		outage.end(t)
		time.Sleep(outage.last)
		server.Start(t)
		slowest = max(slowest, w.wait(t, stacks, time.Now()))
	}
	for _, r := range replicas {
		r.leave(t)
	}
	if w.double > 0 || w.zombies > 0 {
		t.Errorf("%d turns of a stack that had one, %d late changes", w.double, w.zombies)
	}
	again := opened(t, dsn, Options{})
	if _, err := again.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	t.Logf("R35: PostgreSQL killed, restarted and away for %v: %d turns over %d stacks, %d double, %d late changes; all stacks looked at %v after its return (TTL %v)",
		shortTTL+time.Second, w.looks, stacks, w.double, w.zombies, slowest.Round(time.Millisecond), shortTTL)
}

// wait waits until so many stacks had a turn that ended after a time, and says for how long.
func (w *world) wait(t *testing.T, stacks int, since time.Time) time.Duration {
	t.Helper()
	for time.Since(since) < 30*time.Second {
		n := 0
		w.mu.Lock()
		for _, last := range w.last {
			if last.After(since) {
				n++
			}
		}
		w.mu.Unlock()
		if n == stacks {
			return time.Since(since)
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("not all of %d stacks are looked at", stacks)
	return 0
}

// TestLostQueue loses River's jobs while stacks wait for their turn.
func TestLostQueue(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	dsn := server.DSN(t)
	const stacks = 60
	w := newWorld()
	look := func(_ *replica, ctx context.Context, _ reconcile.Turn) time.Duration {
		pause(ctx, 30*time.Millisecond)
		return time.Hour
	}
	observer := opened(t, dsn, Options{})
	if err := observer.Enrol(t.Context(), numbered(stacks)); err != nil {
		t.Fatal(err)
	}
	r := w.start(t, server, dsn, 2, look)
	for {
		w.mu.Lock()
		begun := w.looks
		w.mu.Unlock()
		if begun > 5 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	for _, name := range numbered(stacks)[:10] {
		if err := observer.Nudge(t.Context(), name, reconcile.ByWebhook); err != nil {
			t.Fatal(err)
		}
	}
	mustExec(t, dsn, "TRUNCATE reconcile.river_job RESTART IDENTITY")
	w.mu.Lock()
	before := w.looks
	w.mu.Unlock()
	since := time.Now()
	for {
		depth, err := observer.Depth(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		seen := len(w.last)
		w.mu.Unlock()
		if depth[reconcile.PushQueue].Waiting+depth[reconcile.DriftQueue].Waiting == 0 && seen == stacks {
			break
		}
		if time.Since(since) > 30*time.Second {
			t.Fatalf("%d of %d stacks were looked at, %v wait", seen, stacks, depth)
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.leave(t)
	t.Logf("queue lost when %d of %d stacks had been looked at: the rest was within %v, %d double turns (TTL %v)",
		before, stacks, time.Since(since).Round(time.Millisecond), w.double, shortTTL)
	if w.double > 0 {
		t.Errorf("%d double turns", w.double)
	}
}
