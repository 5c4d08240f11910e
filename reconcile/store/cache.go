package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"sync"
)

// flushed is how many new words are written together.
const flushed = 64

// A Cache is a set of words that may be lost at any time. It is read once, and
// written now and then and when the store is closed. It may be used concurrently.
type Cache struct {
	store *Store
	name  string

	load  sync.Once
	mu    sync.Mutex
	words map[string]bool
	fresh []string // not written yet
	key   []byte
}

// Cache returns the cache of a name.
func (s *Store) Cache(name string) *Cache {
	s.cacheMu.Lock()
	defer s.cacheMu.Unlock()
	c, ok := s.caches[name]
	if !ok {
		c = &Cache{store: s, name: name, words: map[string]bool{}}
		s.caches[name] = c
	}
	return c
}

// Get tells whether the word was put there.
func (c *Cache) Get(word string) bool {
	c.load.Do(c.read)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.words[word]
}

// Put adds a word.
func (c *Cache) Put(word string) {
	c.load.Do(c.read)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.words[word] {
		return
	}
	c.words[word] = true
	c.fresh = append(c.fresh, word)
	if len(c.fresh) == flushed {
		_ = c.flush()
	}
}

// Key returns 32 random bytes that stay the same as long as the store does, or
// as long as it is open if they cannot be kept.
func (c *Cache) Key() []byte {
	c.load.Do(c.read)
	return c.key
}

// read takes what is kept. A cache that cannot be read is empty.
func (c *Cache) read() {
	ctx := context.Background()
	words, _ := readWords(ctx, c.store.db, "SELECT key FROM cache WHERE name = ?", c.name)
	for _, word := range words {
		c.words[word] = true
	}
	c.key = make([]byte, 32)
	rand.Read(c.key)
	_ = c.store.inTx(ctx, func(tx *sql.Tx) error { return c.keepKey(ctx, tx) })
}

// keepKey takes the key that is kept, or keeps the new one.
func (c *Cache) keepKey(ctx context.Context, tx *sql.Tx) error {
	name := "cache key " + c.name
	kept, err := getMeta(ctx, tx, name)
	if err != nil {
		return err
	}
	if key, err := hex.DecodeString(kept); err == nil && len(key) == len(c.key) {
		c.key = key
		return nil
	}
	return setMeta(ctx, tx, name, hex.EncodeToString(c.key))
}

// flushCaches writes what is new. What cannot be written is found again.
func (s *Store) flushCaches() {
	s.cacheMu.Lock()
	defer s.cacheMu.Unlock()
	for _, c := range s.caches {
		c.mu.Lock()
		_ = c.flush()
		c.mu.Unlock()
	}
}

// flush writes the new words. The caller has the lock.
func (c *Cache) flush() error {
	if len(c.fresh) == 0 {
		return nil
	}
	fresh := c.fresh
	c.fresh = nil
	ctx := context.Background()
	return c.store.inTx(ctx, func(tx *sql.Tx) error {
		for _, word := range fresh {
			_, err := tx.ExecContext(ctx, "INSERT INTO cache VALUES (?, ?) ON CONFLICT DO NOTHING", c.name, word)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
