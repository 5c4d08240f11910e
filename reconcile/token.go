package reconcile

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"path"
	"slices"
	"time"
)

// TokenPrefix begins every token, so that scanners of leaked secrets know them.
const TokenPrefix = "rct_"

// NewToken makes a token of 32 random bytes, and the hash that stores keep of it.
func NewToken() (secret, hash string) {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	secret = TokenPrefix + base64.RawURLEncoding.EncodeToString(raw)
	return secret, HashToken(secret)
}

// HashToken is what a store keeps of a token. The token is as random as its
// hash is long, so nothing slower than SHA-256 is called for.
func HashToken(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Bears tells whether the token's hash is the one given, in a time that does
// not depend on how much of it is right.
func (t Token) Bears(hash string) bool {
	return t.Hash != "" && subtle.ConstantTimeCompare([]byte(t.Hash), []byte(hash)) == 1
}

// Lives tells whether the token counts at a time: not revoked, not expired.
func (t Token) Lives(now time.Time) bool {
	return t.Revoked.IsZero() && (t.Expires.IsZero() || now.Before(t.Expires))
}

// Covers tells whether the token is for a stack, by its name.
func (t Token) Covers(name string) bool {
	return len(t.Stacks) == 0 || slices.ContainsFunc(t.Stacks, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}
