package sojourn

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// load finds the session of a request: that of the first cookie that leads to
// one, else a new one. The error means that it cannot be told which.
func (m *Manager) load(r *http.Request, passive bool) (*Session, *InvalidError, error) {
	ctx, cancel := m.storeContext(r.Context())
	defer cancel()
	reason := &InvalidError{Reason: ErrNoCookie}
	// A browser may send several cookies of one name, set for other paths or
	// domains; nobody must be locked out by an old one.
	for i, cookie := range r.CookiesNamed(m.opts.Cookie.Name) {
		if i == maxCandidates {
			break
		}
		t, ok := m.verify(cookie.Value)
		if !ok {
			if reason.Reason == ErrNoCookie {
				reason = &InvalidError{Reason: ErrBadSignature}
			}
			continue
		}
		s, err := m.fetch(ctx, t, passive)
		if err == nil {
			return s, nil, nil
		}
		var invalid *InvalidError
		if !errors.As(err, &invalid) {
			return nil, nil, unavailable(err)
		}
		if invalid.Reason == ErrUndecodable && m.opts.FailUndecodable {
			return nil, nil, invalid
		}
		reason = invalid
	}
	s := &Session{m: m}
	s.reset()
	return s, reason, nil
}

// fetch loads the session that a verified cookie names, in one command that
// renews its expiry too. The error is an *InvalidError or the store's.
func (m *Manager) fetch(ctx context.Context, t ticket, passive bool) (*Session, error) {
	idle := t.timeout
	if idle == 0 {
		idle = m.opts.IdleTimeout
	}
	ttl := idle
	if passive || idle == Never || m.opts.RefreshBelow > 0 {
		ttl = Keep
	}
	began := m.queue.now()
	rec, c, err := m.read(ctx, t.id, ttl)
	if errors.Is(err, ErrMisdelivered) && m.outOfStep() {
		rec, c, err = m.read(ctx, t.id, ttl) // on a new connection
	}
	if err != nil {
		return nil, err
	}
	if end := m.deadline(c); !end.IsZero() && !end.After(m.now()) {
		// Reading has just renewed it, so it would stay while it is asked
		// for. If this fails, the next request tries again.
		_, _ = m.store.Delete(ctx, t.id, rec)
		return nil, &InvalidError{Reason: ErrTimedOut}
	}
	s := &Session{m: m, id: t.id, base: rec, now: c, loaded: began, passive: passive}
	if !passive {
		s.needsTouch = m.needsTouch(rec, c, ttl)
		s.sendCookie = m.hints && c.timeout != t.timeout
	}
	return s, nil
}

func (m *Manager) read(ctx context.Context, id string, ttl time.Duration) (*Record, *contents, error) {
	rec, err := m.store.Load(ctx, id, ttl)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil, &InvalidError{Reason: ErrNotFound}
	case errors.Is(err, ErrTimedOut):
		return nil, nil, &InvalidError{Reason: ErrTimedOut}
	case err != nil:
		return nil, nil, err
	}
	c, err := m.decodeRecord(id, rec)
	if errors.Is(err, errTombstone) {
		err = &InvalidError{Reason: ErrNotFound}
	}
	return rec, c, err
}

// needsTouch reports whether the expiry must be renewed, after a load that
// gave the record the ttl given.
func (m *Manager) needsTouch(rec *Record, c *contents, given time.Duration) bool {
	idle := m.idle(c)
	switch {
	case idle == Never:
		return given != Keep
	case m.opts.RefreshBelow > 0:
		if rec.Expires.IsZero() {
			return true
		}
		// Close to the end of its life there is nothing to be gained.
		left, ttl := rec.Expires.Sub(m.now()), m.ttl(c)
		return left < m.threshold(idle) && left < ttl-ttl/16
	default:
		return given != idle // its own time-out was not known
	}
}
