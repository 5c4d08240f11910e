package scaleway_test

import (
	"strings"
	"sync"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
)

// hashes of the value "updated_secret", of several strengths; the last two were
// made with the parameters that the API uses.
var hashes = []string{
	`$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzYWx0c2FsdA$VECTOR1`,
}

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
