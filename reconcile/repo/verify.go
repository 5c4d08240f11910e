package repo

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Verify says whose commits may be deployed. With Mode "HEAD" the commit that
// is read must be signed by one of the keys; "" asks for no signature. A folder
// with uncommitted changes is then refused.
type Verify struct {
	Mode           string
	AllowedSigners []byte // as ssh-keygen(1) describes them
	GPGKeys        []byte // armored public keys
	Now            func() time.Time
}

// A Verdict is why a signature is not accepted.
type Verdict string

// The verdicts.
const (
	Unsigned    Verdict = "unsigned"
	UnknownKey  Verdict = "unknown key"
	Forged      Verdict = "wrong signature" // not over these bytes, or malformed
	ExpiredKey  Verdict = "expired"
	RevokedKey  Verdict = "revoked"
	Unsupported Verdict = "unsupported signature"
)

// A SignatureError says why a commit is not accepted.
type SignatureError struct {
	Hash    string // of the commit, "" for what is in none
	Verdict Verdict
	Reason  string
}

func (e *SignatureError) Error() string {
	what := "what is not committed"
	if e.Hash != "" {
		what = "commit " + short(e.Hash)
	}
	return fmt.Sprintf("signature of %s: %s: %s", what, e.Verdict, e.Reason)
}

// A verifier checks signatures against the keys that were allowed. The zero
// value and nil accept everything.
type verifier struct {
	needed bool
	ssh    []allowedSigner
	gpg    gpgKeys
	now    func() time.Time
}

func newVerifier(v Verify) (*verifier, error) {
	switch {
	case v.Mode == "":
		return nil, nil
	case v.Mode != "HEAD":
		return nil, fmt.Errorf("verify mode %s is not known; use HEAD", quote(v.Mode))
	}
	signers, err := parseAllowedSigners(v.AllowedSigners)
	if err != nil {
		return nil, fmt.Errorf("read allowed signers: %w", err)
	}
	keys, err := parseGPGKeys(v.GPGKeys)
	if err != nil {
		return nil, fmt.Errorf("read GPG keys: %w", err)
	}
	if len(signers)+len(keys) == 0 {
		return nil, errors.New("signatures are asked for and nobody may sign; name allowed signers or GPG keys")
	}
	now := v.Now
	if now == nil {
		now = time.Now
	}
	return &verifier{needed: true, ssh: signers, gpg: keys, now: now}, nil
}

// commit gives who signed a commit, "" where nobody needs to.
func (v *verifier) commit(c *commit) (string, error) {
	if v == nil || !v.needed {
		return "", nil
	}
	signer, err := v.signer(c)
	var bad *SignatureError
	if errors.As(err, &bad) {
		bad.Hash = c.hash.String()
	}
	return signer, err
}

// folder is commit for a folder on disk, whose changes nobody signed.
func (v *verifier) folder(c *commit, rev Revision) (string, error) {
	switch {
	case v == nil || !v.needed:
		return "", nil
	case c == nil:
		return "", &SignatureError{Verdict: Unsigned, Reason: "the folder is not in Git"}
	case rev.Dirty:
		return "", &SignatureError{Verdict: Unsigned, Reason: "the folder has uncommitted changes; commit and sign them, or read a branch"}
	}
	return v.commit(c)
}

func (v *verifier) signer(c *commit) (signer string, err error) {
	defer guard("check signature", &err)
	payload, signature, err := splitSignature(c.raw)
	if err != nil {
		return "", err
	}
	switch head, _, _ := bytes.Cut(signature, []byte{'\n'}); string(head) {
	case sshHead:
		return v.sshSigner(payload, signature, c.when)
	case gpgHead:
		return v.gpg.signer(payload, signature, v.now())
	}
	return "", refuse(Unsupported, "it is neither an SSH nor an OpenPGP signature")
}

func refuse(v Verdict, format string, args ...any) error {
	return &SignatureError{Verdict: v, Reason: fmt.Sprintf(format, args...)}
}

// splitSignature takes the signature out of a commit's raw bytes and leaves
// what it was made over. Nothing is decoded and encoded again in between: what
// Git hashes is what is checked. Commits whose headers two readers could take
// apart differently are refused.
func splitSignature(raw []byte) (payload, signature []byte, err error) {
	end := bytes.Index(raw, []byte("\n\n"))
	if end < 0 {
		end = len(raw) - 1
	}
	header, body := raw[:end+1], raw[end+1:]
	if bytes.IndexByte(header, 0) >= 0 {
		return nil, nil, refuse(Unsupported, "the commit's header holds a zero byte")
	}
	in, count := false, 0
	for _, line := range bytes.SplitAfter(header, []byte{'\n'}) {
		value, starts := bytes.CutPrefix(line, []byte("gpgsig "))
		switch {
		case in && bytes.HasPrefix(line, []byte{' '}):
			signature = append(signature, line[1:]...)
			continue
		case starts:
			signature = append(signature, value...)
			in, count = true, count+1
			continue
		case bytes.HasPrefix(line, []byte("gpgsig")):
			return nil, nil, refuse(Unsupported, "the commit has a header %s", quote(strings.TrimSpace(string(line[:min(len(line), 40)]))))
		}
		in = false
		payload = append(payload, line...)
	}
	switch {
	case count == 0:
		return nil, nil, refuse(Unsigned, "it carries no signature")
	case count > 1:
		return nil, nil, refuse(Unsupported, "it carries %d signatures, of which one would have to be chosen", count)
	}
	return append(payload, body...), signature, nil
}

// Trusting is the same source, whose commits must be signed as v says.
func (s *Source) Trusting(v Verify) (*Source, error) {
	verify, err := newVerifier(v)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Source{
		opts: s.opts, place: s.place, disk: s.disk, top: s.top, folder: s.folder,
		common: s.common, history: s.history, verify: verify, pinned: s.pinned, head: s.head,
	}, nil
}
