package sojourn

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
)

// CSRFToken returns the session's token against cross-site request forgery,
// making one if it has none: 256 random bits in base64url. Put it into forms,
// or into a header of the requests that scripts send, and check it with
// [Session.VerifyCSRFToken].
func (s *Session) CSRFToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token, ok, _ := get[string](s.now, csrfKey); ok && token != "" {
		return token
	}
	token := randomToken()
	setIt := set(csrfKey, token)
	_ = s.now.do(func(c *contents) error {
		// A token that another request has made meanwhile is on its page.
		if other, ok, _ := get[string](c, csrfKey); ok && other != "" {
			return nil
		}
		return setIt(c)
	})
	return token
}

// NewCSRFToken replaces the token. Call it at login, beside [Session.Renew].
func (s *Session) NewCSRFToken() string {
	token := randomToken()
	s.Set(csrfKey, token)
	return token
}

// VerifyCSRFToken reports, in constant time, whether token is the session's. A
// session without a token accepts none.
func (s *Session) VerifyCSRFToken(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	want, ok, _ := get[string](s.now, csrfKey)
	return ok && want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(token)) == 1
}

func randomToken() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
