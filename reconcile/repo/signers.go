package repo

import (
	"bytes"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

const (
	sshHead = "-----BEGIN SSH SIGNATURE-----"
	// sshNamespace keeps a signature that was made for something else from
	// counting for a commit.
	sshNamespace = "git"
)

// An allowedSigner is one line of an allowed_signers file.
type allowedSigner struct {
	principals string
	key        ssh.PublicKey
	after      time.Time // zero for no bound
	before     time.Time
}

// parseAllowedSigners reads the format of ssh-keygen(1), ALLOWED SIGNERS. Lines
// for other purposes than git are left out.
func parseAllowedSigners(text []byte) ([]allowedSigner, error) {
	var signers []allowedSigner
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		signer, ours, err := parseSigner(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if ours {
			signers = append(signers, signer)
		}
	}
	return signers, nil
}

func parseSigner(line string) (s allowedSigner, ours bool, err error) {
	principals, rest := cutField(line)
	if strings.HasPrefix(principals, `"`) {
		return s, false, errors.New("quoted principals are not supported; write them without quotes")
	}
	s.principals = principals
	// What follows is an authorized_keys line: options, type and key.
	key, _, options, tail, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil || len(bytes.TrimSpace(tail)) > 0 {
		return s, false, errors.New("it is not: principals [options] key-type key")
	}
	if _, cert := key.(*ssh.Certificate); cert {
		return s, false, errors.New("certificates are not supported; name the key itself")
	}
	s.key, ours = key, true
	for _, option := range options {
		if err := s.option(option, &ours); err != nil {
			return s, false, err
		}
	}
	return s, ours, nil
}

func cutField(line string) (field, rest string) {
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return line, ""
	}
	return line[:i], strings.TrimSpace(line[i:])
}

func (s *allowedSigner) option(option string, ours *bool) (err error) {
	name, value, _ := strings.Cut(option, "=")
	value = strings.Trim(value, `"`)
	switch strings.ToLower(name) {
	case "cert-authority":
		return errors.New("cert-authority is not supported; name each signer's key")
	case "namespaces":
		*ours, err = matchesGit(value)
	case "valid-after":
		s.after, err = signerTime(value)
	case "valid-before":
		s.before, err = signerTime(value)
	default:
		return fmt.Errorf("option %s is not known", quote(name))
	}
	return err
}

// matchesGit tells whether a list of patterns names our namespace.
func matchesGit(patterns string) (bool, error) {
	for _, pattern := range strings.Split(patterns, ",") {
		if strings.HasPrefix(pattern, "!") {
			return false, errors.New("namespaces with ! are not supported; list those that are meant")
		}
		if ok, err := path.Match(pattern, sshNamespace); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// signerTime reads YYYYMMDD[HHMM[SS]], in UTC with a Z at its end, else local.
func signerTime(value string) (time.Time, error) {
	where := time.Local
	digits, utc := strings.CutSuffix(strings.ToUpper(value), "Z")
	if utc {
		where = time.UTC
	}
	layouts := map[int]string{8: "20060102", 12: "200601021504", 14: "20060102150405"}
	t, err := time.ParseInLocation(layouts[len(digits)], digits, where)
	if err != nil || layouts[len(digits)] == "" {
		return t, fmt.Errorf("%s is not a time as YYYYMMDD[HHMM[SS]][Z]", quote(value))
	}
	return t, nil
}

// sshSigner checks an SSH signature and names the line that allows it. As with
// git, a line's dates are held against the commit's own: what a key signed while
// it was valid stays signed.
func (v *verifier) sshSigner(payload, signature []byte, when time.Time) (string, error) {
	block, rest := pem.Decode(signature)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return "", refuse(Forged, "it is not one SSH signature")
	}
	sig, err := sshsig.ParseSignature(block.Bytes)
	if err != nil {
		return "", refuse(Forged, "%s", clip(printable(err.Error())))
	}
	if err := shortRSA(sig.PublicKey); err != nil {
		return "", err
	}
	print := ssh.FingerprintSHA256(sig.PublicKey)
	verdict := refuse(UnknownKey, "the key %s is not among those that may sign", print)
	for _, s := range v.ssh {
		if !bytes.Equal(s.key.Marshal(), sig.PublicKey.Marshal()) {
			continue
		}
		if err := sshsig.Verify(bytes.NewReader(payload), sig, s.key, sig.HashAlgorithm, sshNamespace); err != nil {
			return "", refuse(Forged, "%s", clip(printable(err.Error())))
		}
		switch {
		case !s.after.IsZero() && when.Before(s.after):
			verdict = refuse(ExpiredKey, "the key %s is valid only after %s", print, s.after.UTC().Format(time.RFC3339))
		case !s.before.IsZero() && when.After(s.before):
			verdict = refuse(ExpiredKey, "the key %s was valid only until %s", print, s.before.UTC().Format(time.RFC3339))
		default:
			return clip(printable(s.principals)) + " (" + print + ")", nil
		}
	}
	return "", verdict
}

func shortRSA(key ssh.PublicKey) error {
	crypto, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return nil
	}
	if k, ok := crypto.CryptoPublicKey().(*rsa.PublicKey); ok && k.N.BitLen() < minRSABits {
		return refuse(Unsupported, "its RSA key has %d bits, fewer than %d", k.N.BitLen(), minRSABits)
	}
	return nil
}
