package simulator

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"

	"golang.org/x/crypto/argon2"
)

// A sealer turns secret values into the argon2id hashes that the API shows. It
// computes one hash at a time, because each takes 64 MiB, and gives equal
// values the same hash as long as that looks like the API, which takes a new
// salt whenever a value is sent again.
type sealer struct {
	mu    sync.Mutex
	cheap bool
	seen  map[[sha256.Size]byte]string
}

// mostSeals bounds the memory of a sealer.
const mostSeals = 4096

// seal gives a hash of value that is not the stored one.
func (s *sealer) seal(value, stored string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sha256.Sum256([]byte(value))
	if hash, ok := s.seen[key]; ok && hash != stored {
		return hash
	}
	if s.seen == nil || len(s.seen) >= mostSeals {
		s.seen = map[[sha256.Size]byte]string{}
	}
	hash := argonHash(value, s.cheap)
	s.seen[key] = hash
	return hash
}

func argonHash(value string, cheap bool) string {
	memory, passes, lanes := uint32(65536), uint32(3), uint8(64)
	if cheap {
		memory, passes, lanes = 8, 1, 1
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	sum := argon2.IDKey([]byte(value), salt, passes, memory, lanes, 32)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, memory, passes, lanes, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// sealBody replaces the secret values of a request by their hashes. shown are
// the stored fields: an empty value keeps the hash that stands there.
func (s *sealer) sealBody(k *kind, body, shown doc) {
	for _, key := range k.sealedFields() {
		sent, _ := body[key].(doc)
		stored, _ := shown[key].(doc)
		for name, v := range sent {
			value, ok := v.(string)
			hash, known := stored[name].(string)
			if ok && !(value == "" && known) {
				sent[name] = s.seal(value, hash)
			}
		}
	}
}
