package netbox

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
)

// Sign is what the header X-Hook-Signature has for a webhook's body.
func Sign(body []byte, secret string) string {
	h := hmac.New(sha512.New, []byte(secret))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
