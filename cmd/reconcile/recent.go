package main

import (
	"container/list"
	"sync"
)

// recent keeps the values that were used last, at most so many. It may be used
// concurrently.
type recent[K comparable, V any] struct {
	most int
	drop func(V) // told of each value that has to go; nil: nobody is

	mu    sync.Mutex
	byKey map[K]*list.Element
	order *list.List // of pair, the last used in front
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](most int, drop func(V)) *recent[K, V] {
	return &recent[K, V]{most: most, drop: drop, byKey: map[K]*list.Element{}, order: list.New()}
}

func (r *recent[K, V]) get(key K) (value V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.byKey[key]
	if !ok {
		return value, false
	}
	r.order.MoveToFront(e)
	return e.Value.(pair[K, V]).value, true
}

func (r *recent[K, V]) put(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.byKey[key]; ok {
		e.Value = pair[K, V]{key, value}
		r.order.MoveToFront(e)
		return
	}
	r.byKey[key] = r.order.PushFront(pair[K, V]{key, value})
	if r.order.Len() <= r.most {
		return
	}
	last := r.order.Remove(r.order.Back()).(pair[K, V])
	delete(r.byKey, last.key)
	if r.drop != nil {
		r.drop(last.value)
	}
}
