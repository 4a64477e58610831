package sojourn

import (
	"fmt"
	"time"
)

// Timeout returns the idle time-out that applies to this session: how long it
// lives without being used. [Never] if it has none.
func (s *Session) Timeout() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.idle(s.now)
}

// SetTimeout gives this session an idle time-out of its own, for as long as it
// lives: a positive duration in steps of milliseconds, or [Never]. Zero
// returns to the manager's. A new session is stored once it holds a value; with
// settings alone it takes [Session.EnsureID].
func (s *Session) SetTimeout(d time.Duration) error {
	if err := checkDuration("SetTimeout", d); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sendCookie = true // it carries the time-out, see ticket
	s.passive = false   // the new time-out starts now
	return s.now.do(func(c *contents) error {
		c.timeout, c.dirty = d, c.dirty || c.timeout != d
		return nil
	})
}

// Deadline returns when the session ends however much it is used, zero if
// never: by its own deadline or the manager's [Options.Lifetime], whichever
// comes first.
func (s *Session) Deadline() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.deadline(s.now)
}

// SetDeadline gives this session an end of life of its own, not later than the
// manager's; the zero time takes it back.
func (s *Session) SetDeadline(t time.Time) {
	s.change(func(c *contents) { c.deadline, c.dirty = t, c.dirty || !c.deadline.Equal(t) })
}

// SetCookieMaxAge gives the cookie of this session a Max-Age of its own,
// [Never] for a cookie that ends with the browser, zero for the manager's. The
// cookie is sent again with this response.
func (s *Session) SetCookieMaxAge(d time.Duration) error {
	if err := checkDuration("SetCookieMaxAge", d); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sendCookie = true
	return s.now.do(func(c *contents) error {
		c.cookieMaxAge, c.dirty = d, c.dirty || c.cookieMaxAge != d
		return nil
	})
}

// SetCookieExpires gives the cookie of this session an Expires date of its
// own; the zero time takes it back. Browsers prefer Max-Age if there are both
// (RFC 6265, section 4.1.2.2). The cookie is sent again with this response.
func (s *Session) SetCookieExpires(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sendCookie = true
	_ = s.now.do(func(c *contents) error {
		c.cookieExpires, c.dirty = t, c.dirty || !c.cookieExpires.Equal(t)
		return nil
	})
}

// SendCookie sends the cookie again with this response, which renews its
// Max-Age in the browser.
func (s *Session) SendCookie() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sendCookie = true
}

// maxDuration of a setting: far away, and safe in every unit.
const maxDuration = 100 * 365 * 24 * time.Hour

func checkDuration(method string, d time.Duration) error {
	if d < 0 && d != Never || d > maxDuration {
		return fmt.Errorf("sojourn: %s: %v; want a positive duration of at most 100 years, Never, or 0 for the manager's", method, d)
	}
	return nil
}
