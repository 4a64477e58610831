package demo

import (
	"net/http"

	"github.com/sojourn-go/sojourn"
)

func (a *app) getToken(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	return a.answerToken(w, r, s, s.CSRFToken())
}

func (a *app) newToken(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	return a.answerToken(w, r, s, s.NewCSRFToken())
}

func (a *app) answerToken(w http.ResponseWriter, r *http.Request, s *sojourn.Session, token string) error {
	if err := a.save(r, s); err != nil {
		return err
	}
	if hasToken(s) { // another request may have been first
		token = s.CSRFToken()
	}
	return answer(w, http.StatusOK, map[string]string{"token": token})
}

func (a *app) protected(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	if err := verify(s, r.Header.Get("X-CSRF-Token")); err != nil {
		return err
	}
	return a.saved(w, r, s)
}

func verify(s *sojourn.Session, token string) error {
	if s.VerifyCSRFToken(token) {
		return nil
	}
	return &failure{http.StatusForbidden, "the CSRF token is missing or not this session's"}
}

// hasToken reports whether the session has a token, without making one.
func hasToken(s *sojourn.Session) bool { return s.Has("_csrft_") }
