package main

import (
	"context"
	"sync"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/notify"
)

// messenger tells people, as the operator's file has it now.
type messenger struct {
	s *serving

	mu   sync.Mutex
	now  *notify.Notifier
	stop func() // ends what now sends; what waits is tried once more
}

// use tells the receivers of a configuration from now on.
func (m *messenger) use(ctx context.Context, config *daemon.Config) error {
	made, err := notify.New(m.receivers(config), notify.Options{Base: config.URL, Clock: m.s.clock, Log: m.s.log})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	m.s.under.Go(func() { made.Run(ctx) })
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stop != nil {
		m.stop()
	}
	m.now, m.stop = made, cancel
	return nil
}

// tell sends a message to whoever wants it.
func (m *messenger) tell(message reconcile.Message) {
	m.mu.Lock()
	now := m.now
	m.mu.Unlock()
	if now != nil {
		now.Notify(message)
	}
}

func (m *messenger) receivers(config *daemon.Config) []notify.Receiver {
	out := make([]notify.Receiver, len(config.Notify))
	for i, to := range config.Notify {
		out[i] = notify.Receiver{Name: to.Name, Form: notify.Form(to.Type), Stacks: to.Stacks, Least: reconcile.Severity(to.Least), Remind: to.Remind, Address: func() (url, secret reconcile.Secret, err error) {
			if url, err = m.s.reveal(to.URL); err == nil {
				secret, err = m.s.reveal(to.Secret)
			}
			m.s.masks.add(url, secret)
			return url, secret, err
		}}
		for _, event := range to.Events {
			out[i].Events = append(out[i].Events, reconcile.Occasion(event))
		}
	}
	return out
}
