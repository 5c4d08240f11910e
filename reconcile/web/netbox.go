package web

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// An Edit is what NetBox tells of an object: that somebody made, changed or
// deleted it. Nothing else of what it tells counts: what differs is read.
type Edit struct {
	Type    string // such as dcim.device
	ID      int64
	Request string // ID of the request that did it
	ByRun   bool   // a run of ours has left its mark with it
}

// alteration is what of NetBox's event is looked at.
type alteration struct {
	At    string `json:"timestamp"`
	Type  string `json:"object_type"`
	Model string `json:"model"` // where there is no object_type
	Data  struct {
		ID int64 `json:"id"`
	} `json:"data"`
	Request struct {
		ID string `json:"id"`
	} `json:"request"`
	RequestID string `json:"request_id"` // before 4.7
	Snapshots struct {
		Before snapshot `json:"prechange"`
		After  snapshot `json:"postchange"`
	} `json:"snapshots"`
}

type snapshot struct {
	Fields map[string]any `json:"custom_fields"`
}

func (a *alteration) edit() Edit {
	before, _ := a.Snapshots.Before.Fields[lastRun].(string)
	after, _ := a.Snapshots.After.Fields[lastRun].(string)
	return Edit{
		Type: cmp.Or(a.Type, a.Model), ID: a.Data.ID, Request: cmp.Or(a.Request.ID, a.RequestID),
		ByRun: after != "" && after != before,
	}
}

// lastRun is the custom field in which each run leaves its job id.
const lastRun = "reconcile_last_run"

// How old an event of NetBox may be, and how far ahead its clock. What comes
// later was found by the schedule meanwhile.
const (
	editAge   = 15 * time.Minute
	editAhead = 5 * time.Minute
)

// edited takes a webhook of NetBox: first its signature, for which the body has to
// be read, then its form, whether it is new, and only then what it says.
func (c *call) edited(hook Hook) (any, error) {
	body, err := c.signedBody(hook)
	if err != nil {
		return nil, err
	}
	media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, refuse(http.StatusUnsupportedMediaType, "the body must be of type application/json")
	}
	var a alteration
	if err := json.Unmarshal(body, &a); err != nil { // NetBox says much more than counts
		return nil, invalid("the body is no event of NetBox: %v; its webhook wants no body template", err)
	}
	now := hook.clock(c.clock).Now()
	if err := fresh(a.At, now); err != nil {
		return nil, err
	}
	if out := (nudged{[]string{}}); !c.heard.first(hook.Name, body, now) {
		return out, nil // NetBox sends it again, or somebody else does
	}
	if e := a.edit(); e.ID > 0 {
		hook.Edits(e)
	}
	return nudged{[]string{}}, nil
}

func (h Hook) clock(own reconcile.Clock) reconcile.Clock {
	if h.Clock != nil {
		return h.Clock
	}
	return own
}

// signedBody is a body that the sender signed with one of the hook's secrets.
func (c *call) signedBody(hook Hook) ([]byte, error) {
	now, address := c.clock.Now(), hostOnly(c.r.RemoteAddr)
	if wait := c.limit.wait(address, "", now); wait > 0 {
		return nil, c.limited(wait)
	}
	sent, err := hex.DecodeString(c.r.Header.Get("X-Hook-Signature"))
	known := false
	var body []byte
	if secrets := hook.Secrets(); err == nil && len(sent) == sha512.Size && len(secrets) > 0 { // else it need not be read
		if body, err = c.hookBody(); err != nil {
			return nil, err
		}
		for _, secret := range secrets {
			mac := hmac.New(sha512.New, []byte(secret))
			mac.Write(body)
			known = hmac.Equal(sent, mac.Sum(nil)) || known
		}
	}
	if !known {
		c.limit.failed(address, now)
		return nil, refuse(http.StatusUnauthorized, "the webhook's signature is missing or wrong")
	}
	return body, nil
}

// fresh refuses an event that is too old, or of the future. NetBox has written
// both forms of time.
func fresh(text string, now time.Time) error {
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00"} {
		at, err := time.Parse(form, text)
		if err != nil {
			continue
		}
		if age := now.Sub(at); age > editAge || age < -editAhead {
			return invalid("the event is of %s, and it is %s here; it is left to the schedule", at.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
		}
		return nil
	}
	return invalid("the event has no timestamp; NetBox's webhook wants no body template")
}

// heard are the events that came lately: one that is sent again does nothing. It
// forgets rather than grow.
type heard struct {
	mu sync.Mutex
	at map[[sha256.Size]byte]time.Time
}

const (
	heardFor  = editAge + editAhead // for as long as its timestamp would let it in again
	mostHeard = 10_000
)

func (h *heard) first(hook string, body []byte, now time.Time) bool {
	sum := sha256.Sum256(append([]byte(hook+"\x00"), body...))
	h.mu.Lock()
	defer h.mu.Unlock()
	if at, ok := h.at[sum]; ok && now.Sub(at) < heardFor {
		return false
	}
	if len(h.at) >= mostHeard {
		for old, at := range h.at {
			if now.Sub(at) >= heardFor || len(h.at) > mostHeard*3/4 {
				delete(h.at, old)
			}
		}
	}
	h.at[sum] = now
	return true
}
