package sojourn_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

const secret = "0123456789abcdef0123456789abcdef"

// A site is a manager on a store that can fail, and what its hooks heard.
type site struct {
	*sojourn.Manager
	t     testing.TB
	store *fallible

	mu      sync.Mutex
	invalid []*sojourn.InvalidError
	errs    []error
	logged  bytes.Buffer
}

func newSite(t testing.TB, opts *sojourn.Options) *site {
	t.Helper()
	store := memstoreFor(t)
	return newSiteOn(t, store, opts)
}

func memstoreFor(t testing.TB) *memstore.Store {
	t.Helper()
	store, err := memstore.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func newSiteOn(t testing.TB, store sojourn.Store, opts *sojourn.Options) *site {
	t.Helper()
	var o sojourn.Options
	if opts != nil {
		o = *opts
	}
	s := &site{t: t, store: &fallible{Store: store}}
	if o.OnInvalid == nil {
		o.OnInvalid = func(_ *http.Request, err *sojourn.InvalidError) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.invalid = append(s.invalid, err)
		}
	}
	if o.OnError == nil {
		o.OnError = func(_ *http.Request, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.errs = append(s.errs, err)
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(&s.logged, nil))
	}
	m, err := sojourn.New(s.store, secret, &o)
	if err != nil {
		t.Fatal(err)
	}
	s.Manager = m
	return s
}

// heard returns what the hooks were told since the last call.
func (s *site) heard() (invalid []*sojourn.InvalidError, errs []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	invalid, errs = s.invalid, s.errs
	s.invalid, s.errs = nil, nil
	return invalid, errs
}

// A visitor is a browser: it keeps the cookies that it is sent.
type visitor struct {
	site    *site
	cookies map[string]*http.Cookie
}

func (s *site) visitor() *visitor { return &visitor{s, map[string]*http.Cookie{}} }

// clone is a second window of the same browser as it is now.
func (v *visitor) clone() *visitor {
	c := v.site.visitor()
	for name, cookie := range v.cookies {
		c.cookies[name] = cookie
	}
	return c
}

func (v *visitor) request() *http.Request {
	r := httptest.NewRequest("GET", "https://example.com/", nil)
	for _, c := range v.cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return r
}

func (v *visitor) keep(res *http.Response) {
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		} else {
			v.cookies[c.Name] = c
		}
	}
}

// serve sends a request through the middleware to handler.
func (v *visitor) serve(handler http.HandlerFunc) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	v.site.Handler(handler).ServeHTTP(w, v.request())
	v.keep(w.Result())
	return w
}

// do runs fn with the visitor's session in a request of its own.
func (v *visitor) do(fn func(s *sojourn.Session)) *httptest.ResponseRecorder {
	v.site.t.Helper()
	return v.serve(func(w http.ResponseWriter, r *http.Request) {
		s, err := v.site.Get(r)
		if err != nil {
			v.site.t.Errorf("Get: %v", err)
			http.Error(w, "", http.StatusServiceUnavailable)
			return
		}
		fn(s)
	})
}

// get returns one value in a request of its own.
func (v *visitor) get(key string) (value any) {
	v.site.t.Helper()
	v.do(func(s *sojourn.Session) {
		var err error
		if value, err = s.Get(key); err != nil {
			v.site.t.Errorf("Get(%q): %v", key, err)
		}
	})
	return value
}

func (v *visitor) cookie() string {
	for _, c := range v.cookies {
		return c.Value
	}
	return ""
}

// fallible is a store whose answers a test can alter: before and after may
// return an error that the caller gets, with or without the deed done.
type fallible struct {
	sojourn.Store
	mu     sync.Mutex
	before func(op, id string) error
	after  func(op, id string) error
	calls  map[string]int
	ttls   []time.Duration
}

func (f *fallible) on(before, after func(op, id string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = before, after
}

// breaks is for on: it lets one kind of call fail.
func breaks(op string) func(op, id string) error {
	return func(called, _ string) error {
		if called == op {
			return errBroken
		}
		return nil
	}
}

// count returns the calls since the last count.
func (f *fallible) count() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls, f.ttls = nil, nil
	return calls
}

func (f *fallible) enter(op, id string, ttl time.Duration) (func(op, id string) error, error) {
	f.mu.Lock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[op]++
	f.ttls = append(f.ttls, ttl)
	before, after := f.before, f.after
	f.mu.Unlock()
	if after == nil {
		after = func(string, string) error { return nil }
	}
	if before != nil {
		return after, before(op, id)
	}
	return after, nil
}

func (f *fallible) Load(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
	after, err := f.enter("load", id, ttl)
	if err != nil {
		return nil, err
	}
	rec, err := f.Store.Load(ctx, id, ttl)
	if e := after("load", id); e != nil {
		return nil, e
	}
	return rec, err
}

func (f *fallible) Create(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
	after, err := f.enter("create", id, ttl)
	if err != nil {
		return err
	}
	err = f.Store.Create(ctx, id, rec, ttl)
	if e := after("create", id); e != nil {
		return e
	}
	return err
}

func (f *fallible) Swap(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
	after, err := f.enter("swap", id, ttl)
	if err != nil {
		return nil, err
	}
	current, err := f.Store.Swap(ctx, id, old, rec, ttl)
	if e := after("swap", id); e != nil {
		return nil, e
	}
	return current, err
}

func (f *fallible) Touch(ctx context.Context, id string, ttl time.Duration) error {
	after, err := f.enter("touch", id, ttl)
	if err != nil {
		return err
	}
	err = f.Store.Touch(ctx, id, ttl)
	if e := after("touch", id); e != nil {
		return e
	}
	return err
}

func (f *fallible) Delete(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
	op := "delete"
	if old != nil {
		op = "deleteIf"
	}
	after, err := f.enter(op, id, 0)
	if err != nil {
		return nil, err
	}
	current, err := f.Store.Delete(ctx, id, old)
	if e := after(op, id); e != nil {
		return nil, e
	}
	return current, err
}
