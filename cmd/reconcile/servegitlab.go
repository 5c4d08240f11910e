package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab"
	"gitlab.com/reconciled/reconciled/reconcile/web"
)

// desks tell GitLab what comes of looks, and take what people write there. The
// zero of what it knows is filled by what happens: nothing of it is kept.
type desks struct {
	s     *serving
	clock reconcile.Clock // GitLab's time, whatever is simulated

	mu     sync.Mutex
	all    map[string]*desk  // by name
	told   map[string]string // what was handed over last, by errand
	runs   map[string]*begun // deployments under way, by the run's job id
	marked map[string]marked // the last status of each stack
	counts map[web.GitLabCount]int64
	work   context.Context
	under  sync.WaitGroup
}

// marked is a commit's status, and whether it ends by itself.
type marked struct {
	sha  string
	open bool
}

// A desk is one GitLab, and what is to be done there.
type desk struct {
	of   *desks
	out  *relay // what is told
	in   *relay // what people wrote, and merge requests
	stop context.CancelFunc

	mu       sync.Mutex
	conf     daemon.GitLab
	sum      [sha256.Size]byte // of the token that the client was made with
	client   *gitlab.Client
	branches map[string]string // the default branches of projects
}

// errNoToken is a token that cannot be read: it may come.
var errNoToken = errors.New("its token cannot be read")

// How many errands may wait: beyond that the newest are left out.
const (
	mostTold  = 5000
	mostTaken = 200
)

func newDesks(s *serving) *desks {
	return &desks{
		s: s, clock: reconcile.RealClock{}, all: map[string]*desk{}, told: map[string]string{}, runs: map[string]*begun{}, marked: map[string]marked{}, counts: map[web.GitLabCount]int64{},
	}
}

// start tells of what happens from now on. end waits until what was under way
// has been told, for a short time.
func (g *desks) start(events <-chan daemon.Event, unsubscribe func()) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	g.mu.Lock()
	g.work = ctx
	g.mu.Unlock()
	g.use(g.s.config.Load())
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for e := range events {
			g.hear(e)
		}
	}()
	return func() {
		unsubscribe()
		<-heard
		g.mu.Lock()
		g.work = nil // a reload opens nothing any more
		g.mu.Unlock()
		cancel()
		g.under.Wait()
	}
}

// use takes the GitLabs of a configuration from now on.
func (g *desks) use(config *daemon.Config) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.work == nil {
		return // it has not begun
	}
	named := map[string]bool{}
	for _, conf := range config.GitLab {
		named[conf.Name] = true
		if d := g.all[conf.Name]; d != nil {
			d.change(conf)
			continue
		}
		g.all[conf.Name] = g.open(conf)
	}
	for name, d := range g.all {
		if !named[name] {
			d.stop()
			delete(g.all, name)
		}
	}
}

func (g *desks) open(conf daemon.GitLab) *desk {
	ctx, stop := context.WithCancel(g.work)
	count := func(outcome string) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.counts[web.GitLabCount{Name: conf.Name, Outcome: outcome}]++
	}
	d := &desk{
		of: g, conf: conf, stop: stop, branches: map[string]string{},
		out: newRelay(conf.Name, mostTold, g.clock, g.s.log, count), in: newRelay(conf.Name, mostTaken, g.clock, g.s.log, nil),
	}
	g.under.Go(func() { d.out.run(ctx) })
	g.under.Go(func() { d.in.run(ctx) })
	return d
}

// change takes other settings of the same GitLab.
func (d *desk) change(conf daemon.GitLab) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conf != conf {
		d.conf, d.client, d.branches = conf, nil, map[string]string{}
	}
}

// settings are as the operator's file has them now.
func (d *desk) settings() daemon.GitLab {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conf
}

// of is who is told of a stack, and the path of its project; nil is nobody.
func (g *desks) of(e daemon.Entry) (*desk, string) {
	conf, project, ok := g.s.config.Load().GitLabOf(e)
	if !ok {
		return nil, ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all[conf.Name], project
}

// speak is a client with the token as it is now.
func (d *desk) speak() (*gitlab.Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.of.s
	token, err := s.reveal(d.conf.Token)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoToken, err)
	}
	secret := strings.TrimSpace(token.Reveal())
	sum := sha256.Sum256([]byte(secret))
	if d.client != nil && d.sum == sum {
		return d.client, nil
	}
	s.masks.add(reconcile.NewSecret(secret))
	o := gitlab.Options{URL: strings.TrimSuffix(d.conf.URL, "/") + "/api/v4", Token: reconcile.NewSecret(secret), Clock: d.of.clock, UserAgent: "reconcile/" + version()}
	if d.conf.CA != "" {
		if o.CA, err = os.ReadFile(d.conf.CA); err != nil {
			return nil, fmt.Errorf("%w: read the certificates that vouch for it: %w", errNoToken, err)
		}
	}
	client, err := gitlab.New(o)
	if err != nil {
		return nil, err
	}
	d.client, d.sum = client, sum
	return client, nil
}

// branch is the one that a stack follows, by name.
func (d *desk) branch(ctx context.Context, e daemon.Entry, project string) (string, error) {
	if e.Branch != "" {
		return e.Branch, nil
	}
	client, err := d.speak()
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	known := d.branches[project]
	d.mu.Unlock()
	if known != "" {
		return known, nil
	}
	name, err := client.DefaultBranch(ctx, project)
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.branches[project] = name
	return name, nil
}

// counted is what the GitLabs were told so far.
func (g *desks) counted() map[web.GitLabCount]int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.counts)
}

// page is the address of a page of the daemon, "" if nobody knows where it is.
func (g *desks) page(path string) string {
	if at := g.s.config.Load().URL; at != "" {
		return strings.TrimSuffix(at, "/") + path
	}
	return ""
}

// blob is the address below which GitLab shows the files of a commit.
func (d *desk) blob(project, commit string) string {
	return strings.TrimSuffix(d.settings().URL, "/") + "/" + project + "/-/blob/" + commit
}
