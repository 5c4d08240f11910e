package journal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// CheckpointVersion is the version of the checkpoints that Sign makes.
const CheckpointVersion = 1

// A Checkpoint says how far a stack's chain went at a time: whoever holds one
// can tell whether the records up to there are still those that were written.
type Checkpoint struct {
	Version  int       `json:"v"`
	Stack    string    `json:"stack"` // owner word
	Count    int64     `json:"count"` // number of the last record
	Head     string    `json:"head"`  // hash of that record
	Time     time.Time `json:"time"`  // UTC
	Run      string    `json:"jid"`   // "" outside of a run
	Revision string    `json:"rev"`   // that the run applied; "" outside of a run
	Key      string    `json:"key"`   // KeyID of the key that signed it
}

// Signed is a checkpoint with its signature.
type Signed struct {
	Checkpoint
	Signature string `json:"sig"` // Ed25519, in base64
}

// signedText goes before the canonical form of what is signed, so that a
// signature of a checkpoint is one of nothing else.
const signedText = "reconcile checkpoint\n"

// KeyID is a short name of a key: the first 16 hex digits of SHA-256 over the public key.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// Sign completes a checkpoint (Version, Key, and Time in UTC to the microsecond)
// and signs it.
func Sign(c Checkpoint, key ed25519.PrivateKey) (Signed, error) {
	if len(key) != ed25519.PrivateKeySize {
		return Signed{}, errors.New("sign a checkpoint: there is no key")
	}
	c.Version, c.Time = CheckpointVersion, c.Time.UTC().Truncate(time.Microsecond)
	c.Key = KeyID(key.Public().(ed25519.PublicKey))
	s := Signed{Checkpoint: c}
	if err := s.flaw(); err != nil {
		return Signed{}, fmt.Errorf("sign a checkpoint: %w", err)
	}
	payload, err := s.payload()
	if err != nil {
		return Signed{}, fmt.Errorf("sign a checkpoint: %w", err)
	}
	s.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, payload))
	return s, nil
}

// VerifyCheckpoint checks a checkpoint's signature. It must be that of one of
// the keys. The error is a *Break.
func VerifyCheckpoint(s Signed, keys ...ed25519.PublicKey) error {
	payload, err := s.payload()
	if err != nil {
		return s.broken("cannot be read: %v", err)
	}
	signature, err := base64.StdEncoding.DecodeString(s.Signature)
	if err != nil || len(signature) != ed25519.SignatureSize {
		return s.broken("has no signature")
	}
	var ids []string
	for _, key := range keys {
		if id := KeyID(key); id != s.Key {
			ids = append(ids, id)
		} else if ed25519.Verify(key, payload, signature) {
			return nil
		} else {
			return s.broken("was changed: its signature does not fit")
		}
	}
	return s.broken("was signed by the key %s, which is not trusted (%s is)", reconcile.Clean(s.Key), strings.Join(ids, ", "))
}

func (s Signed) broken(format string, args ...any) error {
	return &Break{Stack: s.Stack, Seq: s.Count, Reason: fmt.Sprintf("the checkpoint of record %d %s", s.Count, fmt.Sprintf(format, args...))}
}

// payload is what the signature covers.
func (s Signed) payload() ([]byte, error) {
	text, err := json.Marshal(s.Checkpoint)
	if err != nil {
		return nil, err
	}
	canonical, err := reconcile.CanonicalJSON(text)
	return append([]byte(signedText), canonical...), err
}

// Line is the checkpoint as it is kept: canonical JSON on one line, without its end.
func (s Signed) Line() []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return nil // of strings, integers and a time that Sign has seen
	}
	canonical, err := reconcile.CanonicalJSON(text)
	if err != nil {
		return nil
	}
	return canonical
}

// maxCheckpoint bounds a checkpoint's line, in bytes.
const maxCheckpoint = 4 << 10

// DecodeCheckpoint reads what Line writes and nothing else. It checks no signature.
func DecodeCheckpoint(line []byte) (Signed, error) {
	var s Signed
	if len(line) > maxCheckpoint {
		return s, fmt.Errorf("it is longer than %d bytes", maxCheckpoint)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Signed{}, errors.New("it is no checkpoint")
	}
	if err := s.flaw(); err != nil {
		return Signed{}, err
	}
	if !bytes.Equal(s.Line(), line) {
		return Signed{}, errors.New("it is not written as checkpoints are")
	}
	return s, nil
}

// flaw is what no checkpoint can be.
func (s Signed) flaw() error {
	_, err := reconcile.Digest(s.Head, nil)
	switch {
	case s.Version != CheckpointVersion:
		return fmt.Errorf("it has version %d, and only %d is known here", s.Version, CheckpointVersion)
	case s.Stack == "" || s.Count < 1 || s.Head == "" || err != nil:
		return errors.New("it names no record")
	case s.Time.Location() != time.UTC || s.Time.Year() < 2000 || s.Time.Year() > 9999:
		return errors.New("it has no time")
	}
	return nil
}

// checkpointField is where a record keeps a checkpoint.
const checkpointField = "checkpoint"

// Record is the record of the checkpoint in its own chain.
func (s Signed) Record(actor reconcile.Actor) reconcile.Record {
	return noteRecord(reconcile.Checkpoint, actor, s.Stack, s.Run, s.Time, checkpointField, s.Line(),
		fmt.Sprintf("Checkpoint of record %d, signed by the key %s", s.Count, s.Key))
}

// noteRecord is a record that is about the journal itself. What it notes stands
// in its return as a change, which is how Salt shows it too.
func noteRecord(event reconcile.Event, actor reconcile.Actor, stack, run string, at time.Time, field string, text []byte, comment string) reconcile.Record {
	yes := true
	return reconcile.Record{
		Stamp: at, Stack: stack, JID: run, Event: event, Actor: actor,
		Return: &reconcile.Return{Name: field, Result: &yes, Comment: comment, StartedAt: at,
			Changes: map[string]reconcile.OldNew{field: {New: string(text)}}},
	}
}

// noted is what noteRecord noted.
func noted(r reconcile.Record, event reconcile.Event, field string) ([]byte, bool) {
	if r.Event != event || r.Return == nil {
		return nil, false
	}
	text := r.Return.Changes[field].New
	return []byte(text), text != ""
}

// CheckpointOf is the checkpoint that a record holds; ok is false if it holds none.
func CheckpointOf(r reconcile.Record) (s Signed, ok bool) {
	text, ok := noted(r, reconcile.Checkpoint, checkpointField)
	if !ok {
		return s, false
	}
	s, err := DecodeCheckpoint(text)
	return s, err == nil && s.Stack == r.Stack && s.Count < r.Seq
}
