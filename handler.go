package sojourn

import (
	"context"
	"errors"
	"net/http"
	"sync"
)

// Handler returns next with sessions: the middleware. It asks the store
// nothing until the session is used. Wrap the whole server in it, outside of
// routers and of middleware that renders errors, so that nothing is written
// behind its back.
//
// What becomes of the changes: they are saved before the first byte of the
// response; if that fails, [Options.ErrorHandler] answers in the place of next,
// whose Write gets the error. What changes later is saved when next returns;
// a failure then goes to [Options.OnError]. Changes are saved too if next
// panics, and if the client hangs up.
func (m *Manager) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.visit(r) != nil { // wrapped twice
			next.ServeHTTP(w, r)
			return
		}
		v := &visit{m: m}
		v.w.ResponseWriter, v.w.visit = w, v
		v.ctx = visitContext{Context: r.Context(), visit: v}
		v.r = r.WithContext(&v.ctx)

		panicking := true
		defer func() { v.finish(panicking) }() // no recover: the trace stays whole
		next.ServeHTTP(&v.w, v.r)
		panicking = false
	})
}

// Get returns the session of a request that passed through [Manager.Handler].
// The first call loads it, in one command, the later ones return the same. A
// request without a valid session gets a new one, which is stored, and whose
// cookie is sent, once it holds something.
//
// The error wraps [ErrUnavailable]: it cannot be told who the visitor is, so
// answer 503 and do not treat them as a stranger. Further it can be
// [ErrUndecodable], if [Options.FailUndecodable] asks for it, and
// [ErrNoMiddleware].
func (m *Manager) Get(r *http.Request) (*Session, error) {
	return m.get(r, m.opts.Passive != nil && m.opts.Passive(r))
}

// Peek is [Manager.Get] for a request that must not extend the session, such
// as polling. It has no effect on a session that was loaded already.
func (m *Manager) Peek(r *http.Request) (*Session, error) { return m.get(r, true) }

func (m *Manager) get(r *http.Request, passive bool) (*Session, error) {
	v := m.visit(r)
	if v == nil {
		return nil, ErrNoMiddleware
	}
	return v.load(passive)
}

// With returns a handler that gets its session as an argument. If it cannot be
// loaded, [Options.ErrorHandler] answers instead.
func (m *Manager) With(fn func(w http.ResponseWriter, r *http.Request, s *Session)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Get(r)
		if err != nil {
			m.opts.ErrorHandler(w, r, err)
			return
		}
		fn(w, r, s)
	})
}

// A visit is one request on its way through one manager.
type visit struct {
	m   *Manager
	r   *http.Request
	w   writer
	ctx visitContext

	mu      sync.Mutex
	loaded  bool
	session *Session
	err     error

	events []error // to be told; guarded by the session's lock
}

// visitContext carries the visit under its manager as the key.
type visitContext struct {
	context.Context
	visit *visit
}

func (c *visitContext) Value(key any) any {
	if key == any(c.visit.m) {
		return c.visit
	}
	return c.Context.Value(key)
}

func (m *Manager) visit(r *http.Request) *visit {
	v, _ := r.Context().Value(m).(*visit)
	return v
}

func (v *visit) load(passive bool) (*Session, error) {
	s, report, err := v.loadOnce(passive)
	if report != nil {
		report()
	}
	return s, err
}

// loadOnce returns what is to be reported too, for hooks may call Get.
func (v *visit) loadOnce(passive bool) (*Session, func(), error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.loaded {
		return v.session, nil, v.err
	}
	s, invalid, err := v.m.load(v.r, passive)
	v.loaded, v.session, v.err = true, s, err
	if err != nil && v.r.Context().Err() != nil {
		return nil, nil, err // the client has hung up, the store is not to blame
	}
	if err != nil {
		return nil, func() { v.m.opts.OnError(v.r, err) }, err
	}
	s.observer, s.sealed = v, v.w.began.Load()
	if invalid != nil {
		return s, func() { v.m.opts.OnInvalid(v.r, invalid) }, nil
	}
	return s, nil, nil
}

func (v *visit) current() *Session {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.session
}

// begin commits before the first byte of a response with the given status, and
// puts the cookie into its header. deliverable says whether that header will
// reach the client. An error means that the response must not be sent.
func (v *visit) begin(status int, deliverable bool) error {
	s := v.current()
	if s == nil {
		return nil
	}
	defer v.tell()
	s.mu.Lock()
	defer s.mu.Unlock()

	header := v.w.ResponseWriter.Header()
	onError := status >= 500 && v.m.opts.NoCookieOnError
	cookieDue := s.sendCookie || s.dropCookie || s.renewing || s.base == nil
	withheld := onError || cookieDue && !v.m.opts.AllowCookie(header, status)
	s.sealed = withheld || !deliverable
	var err error
	if s.failed == nil { // else the handler knows, and has decided
		err = s.commit(v.r.Context())
	}
	lost := errors.Is(err, ErrNotDelivered)
	switch present := s.base != nil && !s.ended; {
	case withheld && s.isNew && present && s.sendCookie && !onError:
		v.problem(ErrNotDelivered) // saved before it was known
	case withheld:
	case s.sendCookie && present:
		v.m.setCookie(header, s)
	case s.dropCookie && len(s.doomed) == 0 && !present && v.presented():
		v.m.expireCookie(header)
	}
	s.sealed = true

	switch {
	case err == nil, errors.Is(err, ErrEnded):
		return nil
	case lost && onError && !s.renewing:
		return nil // as the option asks
	case lost && (onError || !s.renewing):
		v.problem(err)
		return nil
	default:
		v.problem(err)
		return err
	}
}

// finish commits at the handler's end.
func (v *visit) finish(panicking bool) {
	if !v.w.began.Swap(true) {
		status := http.StatusOK
		if panicking {
			status = http.StatusInternalServerError // or so whoever recovers will say
		}
		if err := v.begin(status, true); err != nil && !panicking {
			v.w.fail(err)
		}
		return
	}
	s := v.current()
	if s == nil {
		return
	}
	defer v.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return
	}
	if err := s.commit(v.r.Context()); err != nil && !errors.Is(err, ErrEnded) {
		v.problem(err)
	}
}

// presented reports whether the request came with a cookie of ours.
func (v *visit) presented() bool {
	return len(v.r.CookiesNamed(v.m.opts.Cookie.Name)) > 0
}

func (v *visit) invalid(err *InvalidError) { v.events = append(v.events, err) }
func (v *visit) problem(err error)         { v.events = append(v.events, err) }

func (v *visit) tell() {
	s := v.current()
	s.mu.Lock()
	events := v.events
	v.events = nil
	s.mu.Unlock()
	for _, err := range events {
		if invalid, ok := err.(*InvalidError); ok && invalid.Reason == ErrEnded {
			v.m.opts.OnInvalid(v.r, invalid)
		} else {
			v.m.opts.OnError(v.r, err)
		}
	}
}
