package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/inventory/netbox"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// netboxAt is where a NetBox is and who asks it. The zero one is the environment's.
type netboxAt struct {
	url, ca string
	token   daemon.Ref
}

func atOf(config daemon.NetBox) netboxAt { return netboxAt{config.URL, config.CA, config.Token} }

// netbox is the NetBox of a configuration: the operator's, else that of the
// environment, and nil if there is none. It is the same one for as long as the
// configuration says the same. One that the configuration does not lead to
// fails at each request: what needs no NetBox goes on.
func (c *clients) netbox(config *daemon.Config) inventory.Server {
	if b := c.box(config); b != nil {
		return b
	}
	return nil
}

// place is where the NetBox of a configuration is.
func (c *clients) place(config *daemon.Config) netboxAt {
	if c.o.simulated {
		return netboxAt{}
	}
	return atOf(config.NetBox)
}

// knownBox is the NetBox of a configuration if it was made already, else nil.
func (c *clients) knownBox(config *daemon.Config) *box {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.boxes[c.place(config)]
}

// caution is what a stack that uses NetBox is to be told of it.
func (c *clients) caution(config *daemon.Config, stack *reconcile.Stack, its stake) reconcile.Problems {
	b := c.knownBox(config)
	if b == nil || !its.uses {
		return nil
	}
	health, _ := b.known()
	if health.Degraded == "" {
		return nil
	}
	return reconcile.Problems{{Pos: stack.Pos, Warning: true, Message: health.Degraded}}
}

func (c *clients) box(config *daemon.Config) *box {
	at := c.place(config)
	c.mu.Lock()
	defer c.mu.Unlock()
	made, ok := c.boxes[at]
	if !ok {
		made = c.makeBox(at)
		c.boxes[at] = made
	}
	return made
}

func (c *clients) makeBox(at netboxAt) *box {
	server, err := c.reachNetbox(at)
	switch {
	case err != nil:
		server = unreachable{err}
	case server == nil:
		return nil
	}
	return newBox(server, c.o.clock)
}

func (c *clients) reachNetbox(at netboxAt) (inventory.Server, error) {
	if at == (netboxAt{}) {
		return c.app.netbox(c.o.masks.watched(c.o.getenv), c.o.clock)
	}
	o := netbox.Options{URL: at.url, UserAgent: "reconcile/" + version(), Clock: c.o.clock, Token: c.netboxToken(at.token)}
	if at.ca != "" {
		var err error
		if o.CA, err = os.ReadFile(at.ca); err != nil {
			return nil, fmt.Errorf("read the certificates that may vouch for NetBox: %w", err)
		}
	}
	if c.app.transport != nil {
		o.Transport = c.app.transport(http.DefaultTransport)
	}
	server, err := netbox.New(o)
	if err != nil {
		return nil, fmt.Errorf("NetBox of the operator's file: %w", err)
	}
	return server, nil
}

// netboxToken reads the token where the operator's file says, each time anew.
func (c *clients) netboxToken(from daemon.Ref) func(context.Context) (reconcile.Secret, error) {
	return func(context.Context) (reconcile.Secret, error) {
		token, err := c.app.reveal(from)
		if err != nil {
			return token, fmt.Errorf("token of NetBox: %w", err)
		}
		c.o.masks.add(token)
		return token, nil
	}
}
