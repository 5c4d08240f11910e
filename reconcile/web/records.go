package web

import (
	"bufio"
	"encoding/json"
	"errors"
	"iter"
	"mime"
	"net/http"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

type records struct {
	Records []reconcile.Record `json:"records"`
}

type heads struct {
	Heads []reconcile.Head `json:"heads"`
}

const (
	usualRecords = 1000
	mostRecords  = 10_000
)

func (c *call) heads() (any, error) {
	found, err := c.seenHeads()
	return heads{append([]reconcile.Head{}, found...)}, err
}

func (c *call) seenHeads() ([]reconcile.Head, error) {
	all, err := c.store.Heads(c.ctx)
	if err != nil || !c.who.limited() {
		return all, err
	}
	var out []reconcile.Head
	for _, h := range all {
		ok, err := c.sees(h.Stack)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, h)
		}
	}
	return out, nil
}

func (c *call) records() (any, error) {
	q := c.asked()
	f := reconcile.RecordFilter{
		JID: q.jid("jid"), Key: q.key("key"), Since: q.time("since"), Until: q.time("until"),
		After: q.number("after"), Limit: int(min(q.number("limit"), 1<<30)),
	}
	if q.err != nil {
		return nil, q.err
	}
	var err error
	if f.Stack, err = c.filter(); err != nil {
		return nil, err
	}
	if wantsLines(c.r) {
		return c.lines(f)
	}
	if f.Limit = min(f.Limit, mostRecords); f.Limit == 0 {
		f.Limit = usualRecords
	}
	out := records{[]reconcile.Record{}}
	for r, err := range c.chosen(f) {
		if err != nil {
			return nil, err
		}
		out.Records = append(out.Records, r)
	}
	return out, nil
}

// chosen are the records of a filter that the caller may see.
func (c *call) chosen(f reconcile.RecordFilter) iter.Seq2[reconcile.Record, error] {
	if !c.who.limited() || f.Stack != "" {
		return c.store.Records(c.ctx, f)
	}
	return func(yield func(reconcile.Record, error) bool) {
		seen, err := c.seenHeads()
		if err != nil {
			yield(reconcile.Record{}, err)
		}
		left := f.Limit
		for _, head := range seen {
			f.Stack, f.Limit = head.Stack, left
			for r, err := range c.store.Records(c.ctx, f) {
				if !yield(r, err) || err != nil {
					return
				}
				if left--; left == 0 {
					return
				}
			}
		}
	}
}

func wantsLines(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		if media, _, err := mime.ParseMediaType(part); err == nil && media == jsonLines {
			return true
		}
	}
	return false
}

// lines streams records, one a line, for as long as the reader takes some. A
// last line with an error says why there are no more.
func (c *call) lines(f reconcile.RecordFilter) (any, error) {
	begun := false
	control := http.NewResponseController(c.w)
	out := bufio.NewWriterSize(c.w, 64<<10)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	begin := func() {
		c.w.Header().Set("Content-Type", jsonLines)
		c.w.WriteHeader(http.StatusOK)
		begun = true
	}
	count := 0
	for r, err := range c.chosen(f) {
		if err != nil && !begun {
			return nil, err
		}
		if !begun {
			begin()
		}
		if count++; count%100 == 1 {
			if err := control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return streamed{}, nil
			}
		}
		var line any = r
		if err != nil {
			line = failureOf(refusalOf(err), c.id)
		}
		if encoder.Encode(line) != nil || err != nil {
			break // the reader has gone, or there are no more
		}
	}
	if !begun {
		begin()
	}
	out.Flush()
	return streamed{}, nil
}
