package simulator

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"time"
)

// certificateAuthority answers the authority that signs private endpoints of a
// region: always the same, and good for nothing else.
func certificateAuthority(c *call) answer {
	seed := sha256.Sum256([]byte("private endpoints of " + c.place))
	key := ed25519.NewKeyFromSeed(seed[:])
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "simulated private endpoints " + c.place},
		NotBefore:             time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		return reply(http.StatusInternalServerError, doc{"message": err.Error()})
	}
	content := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	return reply(http.StatusOK, doc{
		"name": "ca.pem", "content_type": "application/x-pem-file",
		"content": base64.StdEncoding.EncodeToString(content),
	})
}
