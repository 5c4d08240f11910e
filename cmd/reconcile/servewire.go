package main

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/web"
)

// wire puts the parts together.
func (s *serving) wire(context.Context) (err error) {
	config := s.config.Load()
	if err := s.makeKey(); err != nil {
		return err
	}
	s.line = newLine(s.app, config, lineOptions{
		clock: s.clock, getenv: s.scaleway(), simulated: s.simulated != nil, masks: s.masks,
		folder: filepath.Join(s.folder, "git"), cache: s.cache(), stores: s.storesOf, store: s.store,
	})
	s.line.listings.Watch(inventory.DeviceKind, s.hints.saw)
	s.leases = newLeasing(s.store, s.journal)
	s.leases.seal = s.sealGrown
	s.messages = &messenger{s: s}
	s.daemon = daemon.New(daemon.Options{
		Config: *config, Line: s.line, Store: s.leases, Schedule: s.store, Clock: s.clock, Actor: s.daemonActor(), Log: s.log, Grace: s.grace(),
		Hooks: daemon.Hooks{
			Notify: s.messages.tell, Ended: s.ended,
			Looked: func(n daemon.Numbers) { s.web.Looked(n.Launch, n.Took) },
		},
	})
	s.web, err = web.New(web.Options{
		Store: s.store, Schedule: s.store, Settings: s.settings, Subscribe: s.subscribe, Numbers: s.numbers,
		Clock: reconcile.RealClock{}, Log: s.log, Version: version(), TLS: web.TLS(config.TLS), // leases, tokens and orders are those of people elsewhere, whatever time is simulated
	})
	return err
}

// grace is how long a stack that our file does not name stays in the store. A
// folder has one daemon; a database may have others, and may outlive them for days.
func (s *serving) grace() time.Duration {
	if s.shared {
		return 7 * 24 * time.Hour
	}
	return 0
}

// daemonActor is who the journal says did it.
func (s *serving) daemonActor() reconcile.Actor {
	actor := s.actor()
	actor.Kind = "daemon"
	return actor
}

// cache remembers which secrets were verified.
func (s *serving) cache() scaleway.SecretCache {
	keeps := &session{app: s.app, store: s.store, folder: s.folder}
	s.onClose(keeps.close)
	return &secretCache{session: keeps}
}

// storesOf are the words by which a stack's manifest may name the store here.
func (s *serving) storesOf(e daemon.Entry) []string {
	top := localTop(e)
	switch {
	case s.simulated != nil:
		return []string{atDaemon, inFolder, inPostgres} // a trial, whatever the manifest says of the real one
	case s.shared:
		return []string{inPostgres, atDaemon}
	case top != "" && sameFolder(filepath.Join(top, ".reconcile"), s.folder):
		return []string{atDaemon, inFolder}
	}
	return []string{atDaemon}
}

// settings are what the operator's file says about the API.
func (s *serving) settings() web.Settings { return s.settingsOf(s.config.Load()) }

func (s *serving) settingsOf(config *daemon.Config) web.Settings {
	out := web.Settings{URL: config.URL, Hosts: config.Hosts, Stacks: config.Names()}
	for _, hook := range config.Webhooks {
		out.Hooks = append(out.Hooks, s.hookOf(config, hook))
	}
	for _, from := range config.OIDC {
		out.Issuers = append(out.Issuers, web.Issuer{
			URL: from.Issuer, Audience: from.Audience, Claims: from.Claims, Role: reconcile.Role(from.Role), Stacks: from.Stacks,
		})
	}
	return out
}

func (s *serving) hookOf(config *daemon.Config, hook daemon.Webhook) web.Hook {
	out := web.Hook{Name: hook.Name, Secrets: s.hookSecrets(hook)}
	if hook.Provider == "netbox" {
		out.Edits, out.Clock = func(e web.Edit) { s.hints.take(hook, e) }, s.clock
		return out
	}
	out.Branches = branches(config, hook)
	out.Remarks = func(r web.Remark) bool { return s.gitlabs.remark(hook, r) }
	return out
}

// hookSecrets reads a webhook's secrets, one on each line: while one takes
// another's place both count.
func (s *serving) hookSecrets(hook daemon.Webhook) func() []string {
	return func() []string {
		value, err := s.reveal(hook.Secret)
		if err != nil {
			s.log.Error("a webhook's secret cannot be read, so nobody can call it", "webhook", hook.Name, "error", err)
			return nil
		}
		var out []string
		for line := range strings.Lines(value.Reveal()) {
			if line = strings.TrimSpace(line); line != "" {
				s.masks.add(reconcile.NewSecret(line))
				out = append(out, line)
			}
		}
		return out
	}
}

// branches are what a webhook may say of. A folder is no repository of a server,
// so any push there would be about it: only a webhook that names it nudges it.
func branches(config *daemon.Config, hook daemon.Webhook) []web.Branch {
	var out []web.Branch
	for _, e := range config.Stacks {
		project := daemon.ProjectPath(e.URL)
		if daemon.Matches(hook.Stacks, e.Name) && (project != "" || len(hook.Stacks) > 0) {
			out = append(out, web.Branch{Stack: e.Name, Project: project, Branch: e.Branch})
		}
	}
	return out
}

// subscribe gives the API's readers what happens in the daemon.
func (s *serving) subscribe() (<-chan web.Event, func()) {
	events, end := s.daemon.Subscribe()
	out, over := make(chan web.Event), make(chan struct{})
	go func() {
		defer close(out)
		for e := range events {
			select {
			case out <- shownEvent(e):
			case <-over:
				return
			}
		}
	}()
	return out, sync.OnceFunc(func() { close(over); end() })
}

func shownEvent(e daemon.Event) web.Event {
	out := web.Event{Standing: e.Standing}
	if p := e.Progress; p != nil {
		out.Progress = &web.Progress{Stack: e.Stack, JID: p.Run, Key: p.Key, Action: p.Action, State: p.State, Detail: p.Detail, Since: p.Since, Usual: p.Usual}
	}
	return out
}

// numbers are what metrics say that no store knows.
func (s *serving) numbers() web.Numbers {
	out := web.Numbers{Requests: map[string]int64{}, Leases: map[string]bool{}, Credentials: map[string]time.Time{}, GitLab: s.gitlabs.counted(), NetBox: s.netboxNumbers()}
	for _, made := range s.line.clients.all() {
		for outcome, count := range made.client.Stats().Requests {
			out.Requests[orElse(string(outcome.Class), "ok")] += int64(count)
		}
		if end := made.ends(); !end.IsZero() {
			out.Credentials[orElse(made.name, "environment")] = end
		}
	}
	for _, name := range s.config.Load().Names() {
		out.Leases[name] = s.leases.holds(s.line.ownerOf(name))
	}
	return out
}

// netboxNumbers are what is counted of NetBox, nil if there is none.
func (s *serving) netboxNumbers() *web.NetBox {
	b := s.line.clients.box(s.config.Load())
	if b == nil {
		return nil
	}
	health, requests := b.known()
	return &web.NetBox{
		Asked: health.Asked, Answers: health.Failing.IsZero(), Answered: health.Answered, Degraded: health.Degraded != "",
		Requests: requests, Events: s.hints.outcomes(),
	}
}
