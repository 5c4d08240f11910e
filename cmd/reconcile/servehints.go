package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/web"
)

// hints are what webhooks of NetBox tell, until it is looked up: a webhook says
// that something may differ, and only what is read then says what. A look comes
// early only for stacks that it concerns, and only if something does differ.
type hints struct {
	s     *serving
	clock reconcile.Clock // NetBox's time, whatever is simulated

	mu      sync.Mutex
	waiting map[hint]pending
	many    map[string]bool
	wake    chan struct{}
	seen    map[string]sight // what was last read of devices, by ID
	all     time.Time        // when all stacks were last nudged
	counted map[string]int64 // by what came of them
}

// A hint is an object of NetBox that a webhook told of.
type hint struct {
	hook string
	kind string
	id   int64
}

// pending is how far a hint is.
type pending struct {
	tries    int
	requests []string // that it tells of
}

// and is the hint when a further request is told of. There are no more of ours
// than a few for one object: beyond that it counts as somebody else's.
func (p pending) and(request string) pending {
	switch n := len(p.requests); {
	case n == mostHints:
		return p
	case n == mostHints-1:
		request = ""
	}
	return pending{requests: append(p.requests, request)}
}

// sight is what was read of a device: whose it was, and all else as a hash.
type sight struct {
	owner string
	sum   [8]byte
}

const (
	hintPause = 2 * time.Second  // during which what belongs together comes in
	mostHints = 10               // that are looked up one by one
	allPause  = 30 * time.Second // the least time between nudges of all stacks
	hintTries = 3
	hintTime  = time.Minute // that one batch may take
	mostSeen  = 200_000     // devices
)

func newHints(s *serving) *hints {
	return &hints{
		s: s, clock: reconcile.RealClock{}, waiting: map[hint]pending{}, many: map[string]bool{}, wake: make(chan struct{}, 1),
		seen: map[string]sight{}, counted: map[string]int64{},
	}
}

// take takes what a webhook tells. It takes no time, and no memory however many come.
func (h *hints) take(hook daemon.Webhook, e web.Edit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch b := h.s.line.clients.box(h.s.config.Load()); {
	case !inventory.Hinted(e.Type) || b == nil:
		h.counted["ignored"]++
		return
	case e.ByRun || b.ours(e.Request):
		h.own(hint{hook.Name, e.Type, e.ID})
		return
	}
	h.counted["taken"]++
	one := hint{hook.Name, e.Type, e.ID}
	h.waiting[one] = h.waiting[one].and(e.Request)
	if len(h.waiting) > mostHints {
		h.tooMany()
	}
	h.awake()
}

// own drops what tells of a write of ours: nobody has to look, but what was seen
// of the device counts no more.
func (h *hints) own(one hint) {
	h.counted["own"]++
	if inventory.HintsDevice(one.kind) {
		delete(h.seen, strconv.FormatInt(one.id, 10))
	}
}

// ripe are the hints that wait, but for those of which NetBox told before it
// had answered us.
func (h *hints) ripe(b *box) map[hint]pending {
	h.mu.Lock()
	defer h.mu.Unlock()
	batch := h.waiting
	h.waiting = map[hint]pending{}
	maps.DeleteFunc(batch, func(one hint, p pending) bool {
		own := !slices.ContainsFunc(p.requests, func(id string) bool { return !b.ours(id) })
		if own {
			h.own(one)
		}
		return own
	})
	return batch
}

// tooMany has all stacks look instead of one device being read after the other.
func (h *hints) tooMany() {
	for one := range h.waiting {
		h.many[one.hook] = true
	}
	clear(h.waiting)
}

func (h *hints) awake() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// saw notes what listings and reads give of devices, where webhooks tell of them.
func (h *hints) saw(live []*reconcile.Resource) {
	if !slices.ContainsFunc(h.s.config.Load().Webhooks, func(w daemon.Webhook) bool { return w.Provider == "netbox" }) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.seen) > mostSeen {
		clear(h.seen)
	}
	for _, r := range live {
		h.seen[r.ID] = sightOf(r)
	}
}

func sightOf(r *reconcile.Resource) sight {
	of := struct {
		Mark reconcile.Mark
		Name string
		Spec any
	}{r.Mark, r.Name, r.Spec}
	if device, ok := r.Spec.(*inventory.Device); ok && device.Row != nil {
		of.Spec = timeless(*device)
	}
	text, _ := json.Marshal(of) // plain data
	sum := sha256.Sum256(text)
	return sight{r.Mark.Owner(), [8]byte(sum[:8])}
}

// timeless is a device without the times of its last changes, which move with
// what nobody looks at, such as comments.
func timeless(d inventory.Device) inventory.Device {
	row := *d.Row
	row.Updated = time.Time{}
	d.Row, d.Ports = &row, slices.Clone(d.Ports)
	for i := range d.Ports {
		port := &d.Ports[i]
		port.Row.Updated, port.Addresses = time.Time{}, slices.Clone(port.Addresses)
		for j := range port.Addresses {
			port.Addresses[j].Updated = time.Time{}
		}
	}
	return d
}

// run looks up what webhooks tell, until ctx ends.
func (h *hints) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		}
		if h.clock.Sleep(ctx, hintPause) != nil {
			return
		}
		h.round(ctx)
	}
}

// round looks up what has come in.
func (h *hints) round(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, hintTime)
	defer cancel()
	config := h.s.config.Load()
	b := h.s.line.clients.box(config)
	if b == nil {
		return
	}
	h.nudge(ctx, h.differing(ctx, config, b, h.devices(ctx, b, h.ripe(b))))
	h.nudgeAll(ctx)
}

// devices are those that the hints are about, by ID, with the hooks that told of each.
func (h *hints) devices(ctx context.Context, b *box, batch map[hint]pending) map[string]map[string]bool {
	devices := map[string]map[string]bool{}
	for _, one := range slices.SortedFunc(maps.Keys(batch), byHint) {
		ids, err := inventory.HintedDevices(ctx, b, one.kind, one.id)
		if err != nil {
			h.again(one, batch[one], err)
			continue
		}
		for _, id := range ids {
			at := strconv.FormatInt(id, 10)
			if devices[at] == nil {
				devices[at] = map[string]bool{}
			}
			devices[at][one.hook] = true
		}
	}
	return devices
}

func byHint(a, b hint) int {
	return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.kind, b.kind), cmp.Compare(a.hook, b.hook))
}

// again has a hint wait that could not be looked up, a few times. What is left
// out then the schedule finds.
func (h *hints) again(one hint, p pending, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.tries++; p.tries >= hintTries {
		h.counted["left out"]++
		h.s.log.Info("what NetBox told of could not be read; the schedule finds it", "type", one.kind, "id", one.id, "error", err)
		return
	}
	if _, newer := h.waiting[one]; !newer {
		h.waiting[one] = p
	}
	h.awake()
}

// differing are the stacks that something concerns which differs from what was last seen.
func (h *hints) differing(ctx context.Context, config *daemon.Config, b *box, devices map[string]map[string]bool) (out []string) {
	kinds := inventory.Kinds(inventory.Options{Server: b, Within: reconcile.NewInventory(), Bounds: config.NetBox.Bounds(), Clock: h.s.clock})
	kind, _ := kinds.Find(inventory.DeviceKind)
	for _, id := range slices.Sorted(maps.Keys(devices)) {
		live, _, err := kind.Get(ctx, reconcile.Scope{}, id)
		if err != nil && reconcile.ClassOf(err) != reconcile.NotFound {
			h.s.log.Info("a device that NetBox told of could not be read; the schedule finds what differs", "device", id, "error", err)
			continue
		}
		was, differs := h.compare(id, live)
		if !differs {
			continue
		}
		for hook := range devices[id] {
			out = append(out, h.s.concerned(config, hook, live, was.owner)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// compare notes what was read, and tells whether it differs from what was known
// before. live is nil if the device is gone; of one that was never seen that is
// no difference.
func (h *hints) compare(id string, live *reconcile.Resource) (was sight, differs bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was, known := h.seen[id]
	delete(h.seen, id)
	differs = known
	if live != nil {
		is := sightOf(live)
		h.seen[id], differs = is, !known || was != is
	}
	if differs {
		h.counted["changed"]++
	} else {
		h.counted["unchanged"]++
	}
	return was, differs
}

// nudge has stacks looked at, with nothing of NetBox that was read before.
func (h *hints) nudge(ctx context.Context, stacks []string) {
	if len(stacks) == 0 {
		return
	}
	h.s.line.listings.Outdate(inventory.DeviceKind)
	for _, name := range stacks {
		if err := h.s.store.Nudge(ctx, name, reconcile.ByWebhook); err != nil {
			h.s.log.Warn("NetBox told of a change, and the stack cannot be nudged; the schedule finds it", "stack", name, "error", err)
		}
	}
}

// nudgeAll nudges all stacks that use NetBox, where webhooks told of more than is
// looked up one by one, and not too often.
func (h *hints) nudgeAll(ctx context.Context) {
	now := h.clock.Now()
	h.mu.Lock()
	hooks := h.many
	due := len(hooks) > 0 && now.Sub(h.all) >= allPause
	if due {
		h.many, h.all = map[string]bool{}, now
	} else if len(hooks) > 0 {
		h.awake()
	}
	h.mu.Unlock()
	if !due {
		return
	}
	config := h.s.config.Load()
	var stacks []string
	for hook := range hooks {
		stacks = append(stacks, h.s.concerned(config, hook, nil, "")...)
	}
	slices.Sort(stacks)
	h.nudge(ctx, slices.Compact(stacks))
}

func (h *hints) outcomes() map[string]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.counted)
}
