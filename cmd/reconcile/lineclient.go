package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gitlab.com/reconciled/reconciled/providers"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// clients reach Scaleway, one for each credential: its rate is shared by all
// stacks that have it. A credential that is defined anew gets a new client.
type clients struct {
	app *app
	o   lineOptions

	mu    sync.Mutex
	made  map[daemon.Credential]connection
	boxes map[netboxAt]*box // nil ones are none
}

// connection is a client and the kinds that use it.
type connection struct {
	name   string // of the credential; "" is the environment's
	client *scaleway.Client
	kinds  reconcile.Kinds
	explaining
	end *atomic.Pointer[time.Time] // when its key expires, as far as that is known
}

// ends is when the key expires; zero if it does not, or nobody can tell.
func (c connection) ends() time.Time {
	if end := c.end.Load(); end != nil {
		return *end
	}
	return time.Time{}
}

// all are the connections that were made.
func (c *clients) all() []connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.made))
}

// lookAhead finds out when the keys expire.
func (c *clients) lookAhead(ctx context.Context) {
	for _, made := range c.all() {
		if end, err := made.client.KeyExpires(ctx); err == nil {
			made.end.Store(&end)
		}
	}
}

// of returns what reaches Scaleway for a stack.
func (c *clients) of(ctx context.Context, config *daemon.Config, e daemon.Entry) (connection, error) {
	credential, named := config.CredentialOf(e)
	if c.o.simulated {
		credential, named = daemon.Credential{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if made, ok := c.made[credential]; ok {
		return made, nil
	}
	client, err := scaleway.New(ctx, c.options(credential, named))
	if err != nil {
		return connection{}, err
	}
	made := connection{credential.Name, client, providers.All(client), newExplaining(client, c.o.clock), &atomic.Pointer[time.Time]{}}
	c.made[credential] = made
	return made, nil
}

func (c *clients) options(credential daemon.Credential, named bool) scaleway.Options {
	o := scaleway.Options{Getenv: c.o.masks.watched(c.o.getenv), Home: c.app.home, UserAgent: "reconcile/" + version(), Clock: c.o.clock, Secrets: c.o.cache}
	if c.app.transport != nil {
		o.Transport = c.app.transport(http.DefaultTransport)
	}
	if !named {
		return o
	}
	settings := map[string]string{
		"SCW_DEFAULT_PROJECT_ID": credential.Project, "SCW_DEFAULT_REGION": credential.Region, "SCW_DEFAULT_ZONE": credential.Zone,
		"SCW_API_URL": credential.APIURL, "SCW_CONFIG_PATH": os.DevNull, // scw's own file is the environment's
	}
	o.Getenv = func(name string) string { return settings[name] }
	o.Credentials = c.key(credential)
	o.Rate, o.Burst = float64(credential.Rate), 2*credential.Rate
	return o
}

// key reads a credential where the operator's file says, each time anew.
func (c *clients) key(credential daemon.Credential) scaleway.CredentialSource {
	return func(context.Context) (scaleway.Credentials, error) {
		access, err := c.app.reveal(credential.AccessKey)
		if err != nil {
			return scaleway.Credentials{}, fmt.Errorf("access key of credential %s: %w", credential.Name, err)
		}
		secret, err := c.app.reveal(credential.SecretKey)
		if err != nil {
			return scaleway.Credentials{}, fmt.Errorf("secret key of credential %s: %w", credential.Name, err)
		}
		c.o.masks.add(secret)
		return scaleway.Credentials{AccessKey: access.Reveal(), SecretKey: secret}, nil
	}
}

// reveal reads a value where the operator's file says that it is.
func (a *app) reveal(ref daemon.Ref) (reconcile.Secret, error) {
	value := ""
	switch {
	case ref.Env != "":
		if value = a.getenv(ref.Env); value == "" {
			return reconcile.Secret{}, fmt.Errorf("variable %s is not set", ref.Env)
		}
	case ref.File != "":
		data, err := os.ReadFile(ref.File)
		if err != nil {
			return reconcile.Secret{}, fmt.Errorf("read it: %w", err)
		}
		if value = strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"); value == "" {
			return reconcile.Secret{}, fmt.Errorf("file %s is empty", ref.File)
		}
	}
	return reconcile.NewSecret(value), nil
}
