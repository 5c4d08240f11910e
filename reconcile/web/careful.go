package web

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// careful is the transport to issuers: keys come by https only, and not more than
// keys need. A token that names a key nobody knows has the library ask for keys
// anew, and anybody may send such a token; so one that asks too often gets the
// answer of before.
type careful struct {
	http.RoundTripper
	mu   sync.Mutex
	kept map[string]*answerKept // by URL
}

// answerKept is an issuer's last answer at an address, and how often it may still be asked.
type answerKept struct {
	header http.Header
	body   []byte
	left   int
	at     time.Time // when left was last filled
}

const (
	mostAsked  = 5 // for each address, within
	askedAgain = time.Minute
)

func (c *careful) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !loopbackName(r.URL.Hostname()) {
		return nil, fmt.Errorf("%s is not reached by https", r.URL.Host)
	}
	at := r.URL.String()
	if kept := c.spare(at); kept != nil {
		return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: kept.header.Clone(), Body: io.NopCloser(bytes.NewReader(kept.body)), ContentLength: int64(len(kept.body)), Request: r}, nil
	}
	answer, err := c.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(http.MaxBytesReader(nil, answer.Body, mostKeys))
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	c.keep(at, answer, body)
	return answer, nil
}

// spare gives the answer of before if the address was asked often enough, and
// else counts that it is asked.
func (c *careful) spare(at string) *answerKept {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, now := c.kept[at], time.Now()
	if kept == nil {
		return nil
	}
	if now.Sub(kept.at) >= askedAgain {
		kept.left, kept.at = mostAsked, now
	}
	if kept.left == 0 {
		found := *kept
		return &found
	}
	kept.left--
	return nil
}

func (c *careful) keep(at string, answer *http.Response, body []byte) {
	if answer.StatusCode != http.StatusOK {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.kept[at]
	if kept == nil {
		if len(c.kept) >= 2*mostIssuers {
			clear(c.kept)
		}
		kept = &answerKept{left: mostAsked, at: time.Now()}
		c.kept[at] = kept
	}
	kept.header, kept.body = answer.Header.Clone(), body
}
