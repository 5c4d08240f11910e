package reconcile

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Masked is how every Secret prints.
const Masked = "(secret)"

// A Secret is a value that must not be printed. All its printed, formatted,
// logged and JSON forms are masked; only Reveal gives the value. A live Secret
// knows its value not at all, but can verify a wanted one.
type Secret struct {
	value  string
	digest string
	verify func(value string) bool
}

// NewSecret wraps a value that is known.
func NewSecret(value string) Secret { return Secret{value: value} }

// SealedSecret wraps a value that is known, with a digest that tells others no
// more than that it is another one: of its encrypted form, say.
func SealedSecret(value, digest string) Secret { return Secret{value: value, digest: digest} }

// VerifiableSecret is a value that only its owner knows: digest identifies it
// (a hash that the API shows, say), and verify tells whether a value is it.
// verify may be slow; it must be safe for concurrent use.
func VerifiableSecret(digest string, verify func(value string) bool) Secret {
	return Secret{digest: digest, verify: verify}
}

// Reveal gives the value, "" if it is not known. Call it only to hand the value
// to the API that it is for.
func (s Secret) Reveal() string { return s.value }

// Digest identifies a value without showing it, as its owner does; "" if nothing does.
func (s Secret) Digest() string { return s.digest }

// IsZero tells whether there is no value, known or not.
func (s Secret) IsZero() bool { return s.value == "" && s.verify == nil }

// Same tells whether two secrets hold the same value. Two of which neither is
// known are the same if their digests are.
func (s Secret) Same(other Secret) bool {
	switch {
	case s.verify != nil && other.verify != nil:
		return s.digest == other.digest
	case s.verify != nil:
		return s.verify(other.value)
	case other.verify != nil:
		return other.verify(s.value)
	}
	return s.value == other.value
}

// String is masked.
func (s Secret) String() string { return Masked }

// GoString is masked.
func (s Secret) GoString() string { return Masked }

// Format is masked for every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, Masked) }

// MarshalJSON is masked.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(Masked) }

// MarshalText is masked.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Masked), nil }

// LogValue is masked.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Masked) }
