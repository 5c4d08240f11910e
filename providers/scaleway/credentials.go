package scaleway

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/scaleway/scaleway-sdk-go/scw"
	"github.com/scaleway/scaleway-sdk-go/validation"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Credentials are an API key.
type Credentials struct {
	AccessKey string
	SecretKey reconcile.Secret
}

// A CredentialSource gives the API key as it is now. It is asked at most once a
// second, and at once after a request was refused for its key; while it fails,
// the key that it gave last is used on. It may be called concurrently.
type CredentialSource func(ctx context.Context) (Credentials, error)

// checked refuses what can be no key, such as a file that is just being written.
func (source CredentialSource) checked() CredentialSource {
	return func(ctx context.Context) (Credentials, error) {
		c, err := source(ctx)
		switch secret := c.SecretKey.Reveal(); {
		case err != nil:
			return c, err
		case !validation.IsAccessKey(c.AccessKey):
			return c, invalid("the access key is malformed: it wants SCW and 17 letters or digits, and has %d characters", len(c.AccessKey))
		case !validation.IsSecretKey(secret):
			return c, invalid("the secret key is malformed: it wants a UUID, and has %d characters", len(secret))
		}
		return c, nil
	}
}

// check says which part is missing or malformed, by where it comes from.
func (c Credentials) check(accessKey, secretKey string) error {
	switch secret := c.SecretKey.Reveal(); {
	case c.AccessKey == "":
		return missing(accessKey, "the access key")
	case secret == "":
		return missing(secretKey, "the secret key")
	case !validation.IsAccessKey(c.AccessKey):
		return malformed(accessKey, "wants SCW and 17 letters or digits", c.AccessKey)
	case !validation.IsSecretKey(secret):
		return malformed(secretKey, "wants a UUID", secret)
	}
	return nil
}

// configured is the source that looks where the configuration is: variables stay
// as they are, scw's file may be replaced at any time.
func configured(o Options) CredentialSource {
	return func(context.Context) (Credentials, error) {
		s, err := read(o)
		if err != nil {
			return Credentials{}, err
		}
		c := Credentials{s.accessKey, reconcile.NewSecret(s.secretKey)}
		return c, c.check(scw.ScwAccessKeyEnv, scw.ScwSecretKeyEnv)
	}
}

// keyring holds the key as its source gave it last.
type keyring struct {
	source CredentialSource
	clock  reconcile.Clock

	mu    sync.Mutex
	key   Credentials
	asked time.Time
}

const askedAgain = time.Second

// get is the key, at most a second old.
func (k *keyring) get(ctx context.Context) Credentials {
	k.mu.Lock()
	fresh, key := k.clock.Now().Sub(k.asked).Abs() < askedAgain, k.key
	if !fresh {
		k.asked = k.clock.Now() // the others go on with what there is
	}
	k.mu.Unlock()
	if !fresh {
		key, _ = k.ask(ctx)
	}
	return key
}

// ask asks the source now. If it fails the key is the one that there was.
func (k *keyring) ask(ctx context.Context) (Credentials, error) {
	key, err := k.source(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = k.clock.Now()
	if err == nil {
		k.key = key
	}
	return k.key, err
}

// keyed gives each request the key and its run's tag, at the moment at which it
// leaves. A request that is refused for its key is sent again if the source has
// another one meanwhile. Else a 401 stops everything under that key for a
// while: what is refused once is not accepted a moment later, and each further
// try looks like an attack.
type keyed struct {
	next http.RoundTripper
	keys *keyring

	mu     sync.Mutex
	denied string // secret
	err    error
	until  time.Time
}

const (
	denialLasts = 30 * time.Second
	mostKeys    = 5 // in turn, for one request
)

func (k *keyed) RoundTrip(req *http.Request) (*http.Response, error) {
	key := k.keys.get(req.Context())
	if err := k.standing(key); err != nil {
		return nil, err
	}
	for tries := 1; ; tries++ {
		resp, err := k.send(req, key)
		if status := statusOf(err); status != http.StatusUnauthorized && status != http.StatusForbidden {
			return resp, err
		}
		newer, failed := k.keys.ask(req.Context())
		if newer.SecretKey.Same(key.SecretKey) || tries == mostKeys {
			k.deny(key, err, failed)
			return nil, err
		}
		if req, err = rewound(req, err); err != nil {
			return nil, err
		}
		key = newer
	}
}

func (k *keyed) send(req *http.Request, key Credentials) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-Auth-Token", key.SecretKey.Reveal())
	tagged(req)
	return k.next.RoundTrip(req)
}

// deny notes that a key is refused altogether.
func (k *keyed) deny(key Credentials, err, reading error) {
	var r *refusal
	if !errors.As(err, &r) || r.status != http.StatusUnauthorized {
		return
	}
	if reading != nil {
		r.err.Message += "; the source of the key cannot be read: " + reconcile.Hide(reconcile.OneLine(reading.Error()), key.SecretKey.Reveal())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.denied, k.err, k.until = key.SecretKey.Reveal(), r.err, k.keys.clock.Now().Add(denialLasts)
}

func (k *keyed) standing(key Credentials) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil && k.denied == key.SecretKey.Reveal() && k.keys.clock.Now().Before(k.until) {
		return k.err
	}
	return nil
}

// denial refuses at once what would not be sent when its turn has come.
type denial struct {
	next  http.RoundTripper
	keyed *keyed
}

func (d denial) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := d.keyed.standing(d.keyed.keys.get(req.Context())); err != nil {
		return nil, err
	}
	return d.next.RoundTrip(req)
}

// statusOf is the status of a refused request, 0 if it had no answer or was not refused.
func statusOf(err error) int {
	var r *refusal
	if errors.As(err, &r) {
		return r.status
	}
	return 0
}
