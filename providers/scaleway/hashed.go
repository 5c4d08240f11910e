package scaleway

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A SecretCache remembers which values belong to which hashes, so that each pair
// is verified once. It is disposable, holds no values, and may be used concurrently.
type SecretCache interface {
	Seen(hash, mac string) bool
	Remember(hash, mac string)
	Key() []byte // of the MACs, the same as long as the cache lives
}

// verifications is how many run at once: each takes 64 MiB and, for a third of a
// second, all processors.
const verifications = 1

// verifier checks values against hashes, one at a time. What did not fit is
// remembered as long as the process lives: a run looks at a secret that is about
// to change at every pass.
type verifier struct {
	cache SecretCache
	slots chan struct{}

	mu      sync.Mutex
	misfits map[string]bool
}

func newVerifier(cache SecretCache) *verifier {
	return &verifier{cache: cache, slots: make(chan struct{}, verifications), misfits: map[string]bool{}}
}

// HashedSecret is a secret that the API shows as an argon2id hash.
func (c *Client) HashedSecret(hash string) reconcile.Secret {
	return reconcile.VerifiableSecret(hash, func(value string) bool { return c.secrets.verify(hash, value) })
}

// Learn notes that the API answered a value with a hash, which saves verifying it.
// Only say so of a hash that was not there before the value was sent.
func (c *Client) Learn(hash string, value reconcile.Secret) {
	if _, err := parseHash(hash); err == nil && c.secrets.cache != nil {
		c.secrets.cache.Remember(hash, c.secrets.mac(value.Reveal()))
	}
}

func (v *verifier) verify(hash, value string) bool {
	mac := v.mac(value)
	if v.cache != nil && v.cache.Seen(hash, mac) {
		return true
	}
	h, err := parseHash(hash)
	if err != nil || v.misfit(hash+" "+mac) {
		return false
	}
	v.slots <- struct{}{}
	same := h.fits(value)
	<-v.slots
	switch {
	case !same:
		v.remember(hash + " " + mac)
	case v.cache != nil:
		v.cache.Remember(hash, mac)
	}
	return same
}

func (v *verifier) misfit(pair string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.misfits[pair]
}

// mostMisfits bounds what a process remembers.
const mostMisfits = 10_000

func (v *verifier) remember(pair string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.misfits) >= mostMisfits {
		clear(v.misfits)
	}
	v.misfits[pair] = true
}

// mac stands for a value. Without a cache it never leaves the process.
func (v *verifier) mac(value string) string {
	var key []byte
	if v.cache != nil {
		key = v.cache.Key()
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(value))
	return hex.EncodeToString(mac.Sum(nil))
}

// hashed is an argon2id hash in the PHC string form:
// $argon2id$v=19$m=65536,t=3,p=64$<salt>$<hash>.
type hashed struct {
	memory, time uint32
	threads      uint8
	salt, sum    []byte
}

// What a hash may ask for. The hash comes from outside, and verifying it must
// not take the machine down; the API's own asks for 64 MiB and three passes.
const (
	mostMemory = 256 << 10 // KiB
	mostTime   = 16
	mostWork   = 1 << 20 // memory times passes
)

func parseHash(text string) (*hashed, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v=19" {
		return nil, fmt.Errorf("no argon2id hash of version 19")
	}
	h := &hashed{}
	var end string
	if n, _ := fmt.Sscanf(parts[3]+" end", "m=%d,t=%d,p=%d %s", &h.memory, &h.time, &h.threads, &end); n != 4 {
		return nil, fmt.Errorf("its parameters are not m, t and p")
	}
	if h.memory < 8 || h.memory > mostMemory || h.time < 1 || h.time > mostTime || h.threads < 1 || h.memory*h.time > mostWork {
		return nil, fmt.Errorf("its parameters are out of bounds")
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return nil, fmt.Errorf("its salt is malformed")
	}
	if h.sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(h.sum) < 16 || len(h.sum) > 64 {
		return nil, fmt.Errorf("its sum is malformed")
	}
	return h, nil
}

func (h *hashed) fits(value string) bool {
	sum := argon2.IDKey([]byte(value), h.salt, h.time, h.memory, h.threads, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// Own verifiers are cheaper than the API's hashes, as OWASP's least for argon2id:
// they only have to outlast a look at the tags.
const (
	ownMemory = 19 << 10 // KiB
	ownTime   = 2
)

// Verifier is a salted hash of a value that the API never answers, to be kept
// beside the mark. HashedSecret verifies it. It is "" for no value.
func Verifier(value reconcile.Secret) string {
	if value.IsZero() {
		return ""
	}
	salt := make([]byte, 16)
	rand.Read(salt) // never fails, as its documentation says
	sum := argon2.IDKey([]byte(value.Reveal()), salt, ownTime, ownMemory, 1, 32)
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", ownMemory, ownTime,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
}
