package sojourn

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// A Signer turns an id into a cookie value and back. Both must be safe for
// concurrent use. The Manager has one of its own; replace it to share cookies
// with another program.
type Signer interface {
	// Sign returns the cookie value for id, in the characters of a cookie.
	Sign(id string) string
	// Verify returns the id of a value that Sign made, in constant time as to
	// the signature, and false for any other value. The value comes from the
	// client and may hold anything.
	Verify(value string) (id string, ok bool)
}

// macLength is that of HMAC-SHA256 in base64url without padding.
const macLength = 43

// keyRing signs with its first key and verifies with all. Cookie values are
// the MAC followed by what it signs.
type keyRing [][]byte

// deriveKeys makes a ring for one purpose (RFC 5869), so that what is signed
// for one is worth nothing for another.
func deriveKeys(secrets []string, purpose string) (keyRing, error) {
	var ring keyRing
	for _, secret := range secrets {
		key, err := hkdf.Key(sha256.New, []byte(secret), nil, "sojourn "+purpose, sha256.Size)
		if err != nil {
			return nil, err
		}
		ring = append(ring, key)
	}
	return ring, nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (ring keyRing) Sign(text string) string {
	return base64.RawURLEncoding.EncodeToString(mac(ring[0], text)) + text
}

func (ring keyRing) Verify(value string) (string, bool) {
	if len(value) <= macLength {
		return "", false
	}
	got, text := value[:macLength], value[macLength:]
	for _, key := range ring {
		// Compared as text, for base64 has several texts for the same bytes.
		want := base64.RawURLEncoding.EncodeToString(mac(key, text))
		if hmac.Equal([]byte(got), []byte(want)) {
			return text, true
		}
	}
	return "", false
}
