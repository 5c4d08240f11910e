package repo

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

const (
	gpgHead   = "-----BEGIN PGP SIGNATURE-----"
	gpgFoot   = "-----END PGP SIGNATURE-----"
	gpgPublic = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
)

// minRSABits is the shortest RSA key whose signature counts.
const minRSABits = 2048

// gpgKeys are the OpenPGP keys that may sign.
type gpgKeys openpgp.EntityList

// parseGPGKeys reads armored public keys, one block after another.
func parseGPGKeys(text []byte) (keys gpgKeys, err error) {
	defer guard("read GPG keys", &err)
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, nil
	}
	if !bytes.HasPrefix(text, []byte(gpgPublic)) {
		return nil, fmt.Errorf("they do not begin with %s; write them with gpg --armor --export", gpgPublic)
	}
	for i, block := range bytes.Split(text, []byte(gpgPublic))[1:] {
		list, err := openpgp.ReadArmoredKeyRing(io.MultiReader(bytes.NewReader([]byte(gpgPublic)), bytes.NewReader(block)))
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", i+1, err)
		}
		keys = append(keys, list...)
	}
	return keys, nil
}

// signer checks an OpenPGP signature and names the key. A key that has expired
// or was revoked by now no longer signs for anything.
func (k gpgKeys) signer(payload, signature []byte, now time.Time) (string, error) {
	packets, err := onePacket(signature)
	if err != nil {
		return "", err
	}
	config := &packet.Config{Time: func() time.Time { return now }}
	sig, entity, err := openpgp.VerifyDetachedSignature(openpgp.EntityList(k), bytes.NewReader(payload), bytes.NewReader(packets), config)
	switch {
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return "", refuse(UnknownKey, "its OpenPGP key is not among those that may sign")
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return "", refuse(RevokedKey, "its OpenPGP key was revoked")
	case errors.Is(err, pgperrors.ErrKeyExpired) || errors.Is(err, pgperrors.ErrSignatureExpired):
		return "", refuse(ExpiredKey, "its OpenPGP key or signature has expired")
	case err != nil:
		return "", refuse(Forged, "%s", clip(printable(err.Error())))
	}
	return entityName(entity), weak(entity, sig)
}

// onePacket opens the armor and makes sure that it holds one signature over
// bytes and nothing else: among several, two readers could choose differently.
func onePacket(signature []byte) ([]byte, error) {
	text := bytes.TrimSpace(signature)
	if !bytes.HasSuffix(text, []byte(gpgFoot)) || bytes.Count(text, []byte(gpgHead)) != 1 {
		return nil, refuse(Unsupported, "it is not one OpenPGP signature")
	}
	block, err := armor.Decode(bytes.NewReader(text))
	if err != nil || block.Type != openpgp.SignatureType {
		return nil, refuse(Forged, "its armor is malformed")
	}
	body, err := io.ReadAll(block.Body)
	if err != nil {
		return nil, refuse(Forged, "its armor is malformed")
	}
	reader := packet.NewReader(bytes.NewReader(body))
	p, err := reader.Next()
	sig, ok := p.(*packet.Signature)
	if err != nil || !ok || sig.SigType != packet.SigTypeBinary {
		return nil, refuse(Unsupported, "it is not an OpenPGP signature over bytes")
	}
	if _, err := reader.Next(); !errors.Is(err, io.EOF) {
		return nil, refuse(Unsupported, "it holds more than one signature")
	}
	return body, nil
}

// weak refuses hashes and keys that are too short to mean anything.
func weak(e *openpgp.Entity, sig *packet.Signature) error {
	if sig.Hash == crypto.SHA1 || sig.Hash == crypto.MD5 || sig.Hash == crypto.RIPEMD160 {
		return refuse(Unsupported, "it is made over the hash %s, which can be forged", sig.Hash)
	}
	for _, key := range (openpgp.EntityList{e}).KeysById(*sig.IssuerKeyId) {
		bits, err := key.PublicKey.BitLength()
		rsa := key.PublicKey.PubKeyAlgo == packet.PubKeyAlgoRSA || key.PublicKey.PubKeyAlgo == packet.PubKeyAlgoRSASignOnly
		if err == nil && rsa && bits < minRSABits-1 { // a key may begin with a zero bit
			return refuse(Unsupported, "its RSA key has %d bits, fewer than %d", bits, minRSABits)
		}
	}
	return nil
}

// entityName is a key as people know it: its first user and its fingerprint.
func entityName(e *openpgp.Entity) string {
	fingerprint := fmt.Sprintf("%X", e.PrimaryKey.Fingerprint)
	if id := e.PrimaryIdentity(); id != nil {
		return clip(printable(id.Name)) + " (" + fingerprint + ")"
	}
	return fingerprint
}
