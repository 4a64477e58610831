package demo

import (
	"math"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sojourn-go/sojourn"
)

func (a *app) login(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	var in struct {
		User string `json:"user"`
	}
	if err := readBody(w, r, &in); err != nil {
		return err
	}
	if err := login(s, in.User); err != nil {
		return err
	}
	return a.saved(w, r, s)
}

// login takes anybody's word for who they are. The rest is as it should be:
// what was known of the session before, its id and its token, is worth nothing
// afterwards.
func login(s *sojourn.Session, user string) error {
	const longest = 100
	user = strings.TrimSpace(user)
	if user == "" || utf8.RuneCountInString(user) > longest {
		return badInput("the user's name has to have 1 to %d characters", longest)
	}
	if err := s.Renew(); err != nil {
		return err
	}
	s.NewCSRFToken()
	userKey.Set(s, user)
	return nil
}

func (a *app) logout(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	s.Invalidate()
	return a.saved(w, r, s)
}

func (a *app) renew(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	if err := s.Renew(); err != nil {
		return err
	}
	return a.saved(w, r, s)
}

func (a *app) putTimeout(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	var in struct {
		Seconds float64 `json:"seconds"`
	}
	if err := readBody(w, r, &in); err != nil {
		return err
	}
	if err := setTimeout(s, in.Seconds); err != nil {
		return err
	}
	return a.saved(w, r, s)
}

const longestTimeout = 10 * 365 * 24 * time.Hour

func setTimeout(s *sojourn.Session, seconds float64) error {
	if math.IsNaN(seconds) || seconds < 0.001 || seconds > longestTimeout.Seconds() {
		return badInput("seconds has to be a number from 0.001 to %.0f", longestTimeout.Seconds())
	}
	if err := s.SetTimeout(time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)); err != nil {
		return err
	}
	// A time-out alone is no reason for a session to be stored; that somebody
	// asked for it is.
	_, err := s.EnsureID()
	return err
}
