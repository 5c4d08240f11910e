package remote

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// longest is how long one record may be, in bytes.
const longest = 8 << 20

// Records returns the records that a filter chooses, as they arrive. Each is
// checked against its own hash: nobody between it and us has to be trusted.
func (s *Store) Records(ctx context.Context, f reconcile.RecordFilter) iter.Seq2[reconcile.Record, error] {
	return func(yield func(reconcile.Record, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		stall := time.AfterFunc(s.patience, func() { cancel(fmt.Errorf("nothing came for %s", s.patience)) })
		defer stall.Stop()
		c := call{what: "read the journal", method: http.MethodGet, path: path("records"), query: recordQuery(f), accept: "application/jsonl"}
		resp, err := s.stream(ctx, c)
		if err != nil {
			yield(reconcile.Record{}, err)
			return
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(make([]byte, 0, 64<<10), longest)
		for lines.Scan() {
			stall.Reset(s.patience)
			r, err := s.record(lines.Bytes())
			if !yield(r, err) || err != nil {
				return
			}
		}
		if err := lines.Err(); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			yield(reconcile.Record{}, s.lost(c, err))
		}
	}
}

// stream begins an answer that has no end in time.
func (s *Store) stream(ctx context.Context, c call) (resp *http.Response, err error) {
	err = s.retried(ctx, func() error {
		resp, err = s.send(ctx, c) //nolint:bodyclose // whoever reads the stream closes it
		return err
	})
	return resp, err
}

// record decodes a line. A line may also say why there are no more.
func (s *Store) record(line []byte) (reconcile.Record, error) {
	var said refusal
	if bytes.HasPrefix(line, []byte(`{"error"`)) && json.Unmarshal(line, &said) == nil {
		return reconcile.Record{}, &reconcile.Error{Class: reconcile.Unavailable, RequestID: reconcile.Clean(said.Error.RequestID),
			Message: fmt.Sprintf("read the journal at %s: %s", s, reconcile.Clean(said.Error.Message))}
	}
	var r reconcile.Record
	if err := json.Unmarshal(line, &r); err != nil {
		return r, s.unfit("read the journal", err)
	}
	canonical, err := reconcile.CanonicalJSON(line, "hash") // of the line: a newer daemon's records may hold more
	if err == nil {
		var sum string
		if sum, err = reconcile.Digest(r.Prev, canonical); err == nil && sum != r.Sum {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		return r, &reconcile.Break{Stack: r.Stack, Seq: r.Seq, Reason: fmt.Sprintf("record %d (%s) was changed: its hash does not fit", r.Seq, r.Tag)}
	}
	return r, nil
}

func recordQuery(f reconcile.RecordFilter) url.Values {
	q := query("stack", f.Stack, "jid", f.JID, "key", string(f.Key), "since", stamp(f.Since), "until", stamp(f.Until))
	if f.After > 0 {
		q.Set("after", strconv.FormatInt(f.After, 10))
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	return q
}

// query are the values that are not empty.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Heads are the ends of all chains, by stack.
func (s *Store) Heads(ctx context.Context) ([]reconcile.Head, error) {
	var answer struct {
		Heads []reconcile.Head `json:"heads"`
	}
	return answer.Heads, s.read(ctx, "read the heads of the journals", path("heads"), nil, &answer)
}
