package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// largest is how long an answer may be, in bytes.
const largest = 64 << 20

// A call is one request.
type call struct {
	what   string // what is attempted, as "read the runs"
	method string
	path   string
	query  url.Values
	body   []byte
	kind   string // of the body; "" is JSON
	accept string
}

// read asks for JSON, and once more if the daemon is out of reach.
func (s *Store) read(ctx context.Context, what, path string, query url.Values, into any) error {
	body, err := s.bytes(ctx, call{what: what, method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	return s.decode(what, body, into)
}

// bytes reads an answer whole.
func (s *Store) bytes(ctx context.Context, c call) (body []byte, err error) {
	err = s.retried(ctx, func() error {
		body, err = s.once(ctx, c)
		return err
	})
	return body, err
}

// retried tries a read again while the daemon cannot answer.
func (s *Store) retried(ctx context.Context, try func() error) error {
	for i := 0; ; i++ {
		err := try()
		class := reconcile.ClassOf(err)
		if i == len(s.pauses) || class != reconcile.Unavailable && class != reconcile.RateLimited {
			return err
		}
		select {
		case <-time.After(s.pauses[i]):
		case <-ctx.Done():
			return err
		}
	}
}

// change sends something, once. into may be nil.
func (s *Store) change(ctx context.Context, what, method, path string, query url.Values, send, into any) error {
	c := call{what: what, method: method, path: path, query: query}
	if send != nil {
		body, err := json.Marshal(send)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		c.body = body
	}
	body, err := s.once(ctx, c)
	if err != nil || into == nil {
		return err
	}
	return s.decode(what, body, into)
}

func (s *Store) decode(what string, body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return s.unfit(what, err)
	}
	return nil
}

// unfit is an answer of something that is no such daemon.
func (s *Store) unfit(what string, err error) error {
	return &reconcile.Error{Class: reconcile.Invalid, Err: err, Message: fmt.Sprintf("%s: %s answered what is no answer of a daemon: %s", what, s, reconcile.Clean(err.Error())),
		Fix: "see that --server or RECONCILE_URL names the daemon itself, and that it is not older than this program"}
}

// once sends a request and reads its answer within the patience.
func (s *Store) once(ctx context.Context, c call) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	resp, err := s.send(ctx, c)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, largest+1))
	switch {
	case err != nil:
		return nil, s.lost(c, err)
	case len(body) > largest:
		return nil, s.unfit(c.what, errors.New("more than 64 MiB"))
	}
	return body, nil
}

// send returns the answer if it is a success; the caller closes its body.
func (s *Store) send(ctx context.Context, c call) (*http.Response, error) {
	req, err := s.request(ctx, c)
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, s.lost(c, err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, s.refused(c, resp)
}

func (s *Store) request(ctx context.Context, c call) (*http.Request, error) {
	at, err := url.Parse(s.base.String() + c.path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.what, err)
	}
	at.RawQuery = c.query.Encode()
	req, err := http.NewRequestWithContext(ctx, c.method, at.String(), bytes.NewReader(c.body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.what, err)
	}
	token, err := s.token()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.what, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", orElse(c.accept, "application/json"))
	req.Header.Set("User-Agent", s.agent)
	if c.kind != "" || c.body != nil {
		req.Header.Set("Content-Type", orElse(c.kind, "application/json"))
	}
	return req, nil
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
