package journal

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// maxKeyFile bounds a file of keys, in bytes.
const maxKeyFile = 64 << 10

// MakeKey makes a key to sign checkpoints with and writes it to a new file that
// only its owner may read (PEM, PKCS #8). A file that is there is left alone.
func MakeKey(path string) (ed25519.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w; keys are never written over", err)
	}
	err = pem.Encode(file, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("make a key: %w", err), os.Remove(path))
	}
	return public, nil
}

// ReadKey reads a key to sign with. A file that others may read is refused.
func ReadKey(path string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the key that signs checkpoints: %w", err)
	case !info.Mode().IsRegular() || info.Size() > maxKeyFile:
		return nil, fmt.Errorf("read the key that signs checkpoints: %s is no file that could hold a key", path)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, fmt.Errorf("read the key that signs checkpoints: others than its owner may read %s; run chmod 600 on it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key that signs checkpoints: %w", err)
	}
	key, err := ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("read the key that signs checkpoints: %s: %w", filepath.Base(path), err)
	}
	return key, nil
}

// ParseKey reads a key to sign with from PEM (PKCS #8), as from a CI variable.
func ParseKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("it holds no private key in PEM; reconcile audit key --out FILE makes one")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("it holds a private key, but none for Ed25519; reconcile audit key --out FILE makes one")
	}
	return key, nil
}

// PublicText is a public key in PEM.
func PublicText(key ed25519.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// ParsePublicKeys reads public keys in PEM, several where keys were changed.
func ParsePublicKeys(text []byte) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type == "PRIVATE KEY" {
			return nil, errors.New("it holds a private key, which whoever checks should not have; give the public one")
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		key, ok := parsed.(ed25519.PublicKey)
		if err != nil || !ok {
			return nil, errors.New("it holds a key that is none for Ed25519")
		}
		keys, text = append(keys, key), rest
	}
	if len(keys) == 0 {
		return nil, errors.New("it holds no public key in PEM")
	}
	return keys, nil
}
