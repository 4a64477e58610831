package demo

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/sojourn-go/sojourn"
)

// A call is one call of the JSON API. The error becomes the answer, as long as
// there is none yet.
type call func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error

const maxHold = time.Minute

// api is the life of a JSON call: load the session, hold it if asked to, call.
func (a *app) api(fn call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hold, err := durationParam(r, "hold", 0, maxHold)
		if err != nil {
			a.answerError(w, r, err)
			return
		}
		s, err := a.sessions.Get(r)
		if err != nil {
			a.answerError(w, r, err)
			return
		}
		// A client that hangs up meanwhile changes nothing: what it asked for is
		// done all the same, as it would be without the wait.
		a.pause(context.WithoutCancel(r.Context()), hold)
		if err := fn(w, r, s); err != nil {
			a.answerError(w, r, err)
		}
	})
}

// pause waits for d, or until the server stops. It is false if ctx ended first.
func (a *app) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-a.opts.Stop:
		return true
	case <-ctx.Done():
		return false
	}
}

// save stores the changes now and not with the first byte, so that a call
// answers what became of them, also when the session was ended meanwhile.
func (a *app) save(r *http.Request, s *sojourn.Session) error {
	err := s.Save(r.Context())
	if statusOf(err) >= 500 {
		a.log.ErrorContext(r.Context(), "session not saved", "error", err, "method", r.Method, "route", r.Pattern)
	}
	return err
}

// saved saves and answers 204.
func (a *app) saved(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	if err := a.save(r, s); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// answer sends v as JSON.
func answer(w http.ResponseWriter, status int, v any) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // the answer is never taken for HTML: nosniff
	_ = e.Encode(v)        // fails only when the client is gone
	return nil
}

// durationParam returns a parameter of the query such as "250ms".
func durationParam(r *http.Request, name string, preset, limit time.Duration) (time.Duration, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return preset, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > limit {
		return 0, badInput("%s is %q; want a duration such as 250ms, from 0 to %v", name, text, limit)
	}
	return d, nil
}
