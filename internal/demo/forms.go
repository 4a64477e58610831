package demo

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sojourn-go/sojourn"
)

// An action is what one of the page's forms does, for browsers without
// scripts. The message is flashed: the next page shows it. An empty message
// leaves no session behind where there was none.
type action func(r *http.Request, s *sojourn.Session) (message string, err error)

func (a *app) forms() map[string]action {
	return map[string]action{
		"set":       a.doSet,
		"delete":    a.doDelete,
		"increment": a.doIncrement,
		"append":    a.doAppend,
		"flash":     doFlash,
		"pop":       doPop,
		"token":     doToken,
		"protected": doProtected,
		"login":     doLogin,
		"logout":    doLogout,
		"renew":     doRenew,
		"timeout":   doTimeout,
	}
}

// form is the life of a form: load, act, save, and on to the page (303, so
// that reloading it sends nothing twice).
func (a *app) form(do action) http.Handler {
	return a.sessions.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := r.ParseForm(); err != nil {
			var tooBig *http.MaxBytesError
			if !errors.As(err, &tooBig) {
				err = badInput("the form cannot be read")
			}
			a.answerError(w, r, err)
			return
		}
		message, err := do(r, s)
		if err == nil && message != "" {
			err = s.Flash("", message)
		}
		if err == nil {
			err = a.save(r, s)
		}
		if err != nil {
			a.answerError(w, r, err)
			return
		}
		target := "/"
		if queue, ok := r.PostForm["queue"]; ok {
			target += "?queue=" + url.QueryEscape(queue[0])
		}
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, target, http.StatusSeeOther)
	})
}

// formValue takes JSON, and anything else as text.
func (a *app) formValue(r *http.Request) (any, error) {
	text := strings.TrimSpace(r.PostForm.Get("value"))
	if !json.Valid([]byte(text)) {
		return text, nil
	}
	var v any
	if err := decode([]byte(text), &v); err != nil {
		return nil, err
	}
	return a.goValue(v)
}

func (a *app) doSet(r *http.Request, s *sojourn.Session) (string, error) {
	key := r.PostForm.Get("key")
	if err := checkKey(key); err != nil {
		return "", err
	}
	v, err := a.formValue(r)
	if err != nil {
		return "", err
	}
	s.Set(key, v)
	return "Stored " + key + ".", nil
}

func (a *app) doDelete(r *http.Request, s *sojourn.Session) (string, error) {
	key := r.PostForm.Get("key")
	if err := checkKey(key); err != nil {
		return "", err
	}
	if !s.Has(key) {
		return "", badInput("the session has no value %s", key)
	}
	s.Delete(key)
	return "Deleted " + key + ".", nil
}

func (a *app) doIncrement(r *http.Request, s *sojourn.Session) (string, error) {
	by, err := parseStep(strings.TrimSpace(r.PostForm.Get("value")))
	if err != nil {
		return "", err
	}
	key := r.PostForm.Get("key")
	n, err := a.increment(r, s, key, by)
	return key + " is " + strconv.FormatInt(n, 10) + ".", err
}

func (a *app) doAppend(r *http.Request, s *sojourn.Session) (string, error) {
	v, err := a.formValue(r)
	if err != nil {
		return "", err
	}
	key := r.PostForm.Get("key")
	_, err = a.append(r, s, key, v)
	return "Appended to " + key + ".", err
}

func doFlash(r *http.Request, s *sojourn.Session) (string, error) {
	message := r.PostForm.Get("message")
	if message == "" {
		return "", badInput("the message is empty")
	}
	return "", flash(s, r.PostForm.Get("queue"), message, r.PostForm.Has("allow_duplicate"))
}

func doPop(r *http.Request, s *sojourn.Session) (string, error) {
	messages, err := s.PopFlash(r.PostForm.Get("queue"))
	if err != nil || len(messages) == 0 {
		return "", err
	}
	return "Popped: " + strings.Join(texts(messages), " · "), nil
}

func doToken(_ *http.Request, s *sojourn.Session) (string, error) {
	s.NewCSRFToken()
	return "The session has a new CSRF token.", nil
}

func doProtected(r *http.Request, s *sojourn.Session) (string, error) {
	return "The token was right.", verify(s, r.PostForm.Get("token"))
}

func doLogin(r *http.Request, s *sojourn.Session) (string, error) {
	err := login(s, r.PostForm.Get("user"))
	return "Welcome. Your session has a new id and a new CSRF token.", err
}

func doLogout(_ *http.Request, s *sojourn.Session) (string, error) {
	s.Invalidate() // a message would begin another session
	return "", nil
}

func doRenew(_ *http.Request, s *sojourn.Session) (string, error) {
	if s.New() {
		return "", nil
	}
	return "Your session has a new id.", s.Renew()
}

func doTimeout(r *http.Request, s *sojourn.Session) (string, error) {
	seconds, err := strconv.ParseFloat(strings.TrimSpace(r.PostForm.Get("seconds")), 64)
	if err != nil {
		return "", badInput("seconds has to be a number")
	}
	return "This session now has a time-out of its own.", setTimeout(s, seconds)
}
