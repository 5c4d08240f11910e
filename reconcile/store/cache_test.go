package store

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
)

func TestCache(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	s := mustOpen(t, place)
	secrets, other := s.Cache("secrets"), s.Cache("other")
	key := secrets.Key()
	if len(key) != 32 || bytes.Equal(key, make([]byte, 32)) || bytes.Equal(key, other.Key()) {
		t.Errorf("the key is %x", key)
	}
	if secrets.Get("a") {
		t.Error("it is not empty")
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 20 {
				secrets.Put(fmt.Sprint(i, j))
				s.Cache("secrets").Get("a")
			}
		})
	}
	group.Wait()
	secrets.Put("a")
	secrets.Put("a")
	if !secrets.Get("a") || other.Get("a") {
		t.Error("a word is lost, or in another cache")
	}
	s.Close()
	s = mustOpen(t, place)
	defer s.Close()
	if c := s.Cache("secrets"); !c.Get("a") || !c.Get("7 19") || c.Get("b") || !bytes.Equal(c.Key(), key) {
		t.Error("it is not as it was")
	}
}

// TestCacheIsDisposable uses a cache whose store can neither read nor write.
func TestCacheIsDisposable(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	if _, err := s.db.Exec("DROP TABLE cache; PRAGMA query_only = ON"); err != nil {
		t.Fatal(err)
	}
	c := s.Cache("secrets")
	for i := range 2 * flushed {
		c.Put(fmt.Sprint(i))
	}
	if !c.Get("1") || len(c.Key()) != 32 || !bytes.Equal(c.Key(), c.Key()) {
		t.Error("it does not work as long as it is open")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
