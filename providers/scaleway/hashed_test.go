package scaleway_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"sync"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// known are hashes that the reference implementation made, in hex, of "password"
// with the salt "somesalt".
var known = []struct {
	parameters, sum string
}{
	{"m=64,t=1,p=1", "655ad15eac652dc59f7170a7332bf49b8469be1fdb9c28bb"},
	{"m=64,t=2,p=2", "350ac37222f436ccb5c0972f1ebd3bf6b958bf2071841362"},
	{"m=256,t=3,p=2", "4668d30ac4187e6878eedeacf0fd83c5a0a30db2cc16ef0b"},
	{"m=4096,t=4,p=4", "145db9733a9f4ee43edf33c509be96b934d505a4efb33c5a"},
	{"m=1024,t=3,p=6", "1640b932f4b60e272f5d2207b9a9c626ffa1bd88d2349016"},
}

func phc(t *testing.T, parameters, sum string) string {
	t.Helper()
	raw, err := hex.DecodeString(sum)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawStdEncoding
	return "$argon2id$v=19$" + parameters + "$" + b64.EncodeToString([]byte("somesalt")) + "$" + b64.EncodeToString(raw)
}

// likeTheAPIs is a hash of "updated_secret" with the parameters that the API uses.
const likeTheAPIs = "$argon2id$v=19$m=65536,t=3,p=64$c2FsdCBvZiBzaXh0ZWVuIQ$jiMyle9c9HikWC1UaErHvR9VoJxD6mnQdBC9uiOt040"

// memory is a cache that counts.
type memory struct {
	mu   sync.Mutex
	seen map[string]bool
	hits int
}

func (m *memory) Seen(hash, mac string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen[hash+mac] {
		m.hits++
	}
	return m.seen[hash+mac]
}

func (m *memory) Remember(hash, mac string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen[hash+mac] = true
}

func (m *memory) Key() []byte { return []byte("of this cache") }

func client(t *testing.T, cache scaleway.SecretCache) *scaleway.Client {
	t.Helper()
	c, err := scaleway.New(t.Context(), scaleway.Options{
		Getenv: environment(map[string]string{"SCW_ACCESS_KEY": accessKey, "SCW_SECRET_KEY": secretKey}), Home: t.TempDir(), Secrets: cache,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestHashedSecrets(t *testing.T) {
	c := client(t, nil)
	for _, k := range known {
		secret := c.HashedSecret(phc(t, k.parameters, k.sum))
		if !secret.Same(reconcile.NewSecret("password")) || secret.Same(reconcile.NewSecret("Password")) || secret.Same(reconcile.NewSecret("")) {
			t.Errorf("%s is verified wrongly", k.parameters)
		}
	}
	if secret := c.HashedSecret(likeTheAPIs); !secret.Same(reconcile.NewSecret("updated_secret")) {
		t.Error("a hash with the API's parameters is verified wrongly")
	}
}

// A hash comes from outside: none may take the machine down or pass for anything.
func TestAbsurdHashesFitNothing(t *testing.T) {
	c := client(t, nil)
	good := phc(t, known[0].parameters, known[0].sum)
	for _, bad := range []string{
		"", "password", "$argon2id$", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=64", "m=4294967295", 1), strings.Replace(good, "m=64", "m=262144,t=16", 1),
		strings.Replace(good, "m=64", "m=1", 1), strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "t=1", "t=4000000000", 1),
		strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "p=1", "p=256", 1), strings.Replace(good, "m=64,t=1,p=1", "m=64", 1),
		strings.Replace(good, "p=1", "p=1,x=2", 1), good + "$", good[:len(good)-20], strings.Replace(good, "$c29t", "$!!!!", 1),
	} {
		if c.HashedSecret(bad).Same(reconcile.NewSecret("password")) {
			t.Errorf("%q fits", bad)
		}
	}
}

func TestEachPairIsVerifiedOnce(t *testing.T) {
	cache := &memory{seen: map[string]bool{}}
	c := client(t, cache)
	hash := phc(t, known[0].parameters, known[0].sum)
	for range 3 {
		if !c.HashedSecret(hash).Same(reconcile.NewSecret("password")) {
			t.Fatal("it does not fit")
		}
		if c.HashedSecret(hash).Same(reconcile.NewSecret("another")) {
			t.Fatal("another fits")
		}
	}
	if len(cache.seen) != 1 || cache.hits != 2 {
		t.Errorf("%d pairs, found %d times", len(cache.seen), cache.hits)
	}
	for pair := range cache.seen {
		if strings.Contains(pair, "password") {
			t.Error("the value is in the cache")
		}
	}
}

func TestLearning(t *testing.T) {
	cache := &memory{seen: map[string]bool{}}
	c := client(t, cache)
	c.Learn("no hash", reconcile.NewSecret("x"))
	c.Learn(likeTheAPIs, reconcile.NewSecret("updated_secret"))
	if len(cache.seen) != 1 || !c.HashedSecret(likeTheAPIs).Same(reconcile.NewSecret("updated_secret")) || cache.hits != 1 {
		t.Errorf("%d pairs, found %d times", len(cache.seen), cache.hits)
	}
}

func TestVerifiersAreSalted(t *testing.T) {
	c := client(t, nil)
	one, two := scaleway.Verifier(reconcile.NewSecret("key")), scaleway.Verifier(reconcile.NewSecret("key"))
	if one == two || len(one) > 120 {
		t.Errorf("got %q and %q", one, two)
	}
	if !c.HashedSecret(one).Same(reconcile.NewSecret("key")) || c.HashedSecret(two).Same(reconcile.NewSecret("kez")) {
		t.Error("they are verified wrongly")
	}
	if scaleway.Verifier(reconcile.Secret{}) != "" {
		t.Error("nothing has a verifier")
	}
}

func TestVerifyingConcurrently(t *testing.T) {
	c := client(t, &memory{seen: map[string]bool{}})
	hash := phc(t, known[0].parameters, known[0].sum)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if !c.HashedSecret(hash).Same(reconcile.NewSecret("password")) {
				t.Error("it does not fit")
			}
		})
	}
	wg.Wait()
}
