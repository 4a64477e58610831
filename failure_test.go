package sojourn_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestACommitThatFailsBeforeTheFirstByteReplacesTheResponse(t *testing.T) {
	site := newSite(t, &sojourn.Options{StoreTimeout: 30 * time.Millisecond})
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	for name, start := range beginnings {
		if name == "an early hint" {
			continue // the recorder takes it for the response
		}
		t.Run(name, func(t *testing.T) {
			site.store.on(breaks("swap"), nil)
			w := v.serve(func(w http.ResponseWriter, r *http.Request) {
				s, err := site.Get(r)
				if err != nil {
					t.Fatal(err)
				}
				s.Set("a", 2)
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Length", "9")
				w.Header().Set("Location", "/welcome")
				w.Header().Set("Cache-Control", "private, max-age=60")
				w.Header().Set("X-Kept", "yes")
				start(w)
				n, err := w.Write([]byte("all well"))
				if name != "nothing at all" && (n != 0 || !errors.Is(err, sojourn.ErrUnavailable)) {
					t.Errorf("Write = %d, %v; want 0 and ErrUnavailable", n, err)
				}
			})
			site.store.on(nil, nil)
			h := w.Result().Header
			if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "well") ||
				h.Get("Location") != "" || h.Get("Content-Length") == "9" || h.Get("Cache-Control") != "no-store" || h.Get("X-Kept") != "yes" {
				t.Errorf("answer %d %v %q; want 503 and nothing of the handler's", w.Code, h, w.Body)
			}
			if got := v.get("a"); got != int64(1) {
				t.Errorf("a = %v", got)
			}
		})
	}
}

func TestRedisDown(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("user", "ada") })
	site.store.on(func(string, string) error { return errBroken }, nil)
	handler := site.Handler(site.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		t.Error("the handler runs without knowing the visitor")
	}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, v.request())
	if w.Code != http.StatusServiceUnavailable || len(w.Result().Cookies()) != 0 {
		t.Errorf("answer %d, Set-Cookie %v; want 503 and the cookie left alone", w.Code, w.Result().Cookies())
	}
	v.serve(func(w http.ResponseWriter, r *http.Request) {
		s, err := site.Get(r)
		s2, err2 := site.Get(r)
		if s != nil || s2 != nil || !errors.Is(err, sojourn.ErrUnavailable) || !errors.Is(err, errBroken) || err2 != err {
			t.Errorf("Get = %v, %v, then %v, %v; want no session and ErrUnavailable both times", s, err, s2, err2)
		}
	})
	if _, errs := site.heard(); len(errs) != 2 {
		t.Errorf("OnError heard %v, want one failure for each request", errs)
	}
	if w := v.serve(func(w http.ResponseWriter, r *http.Request) {}); w.Code != http.StatusOK {
		t.Errorf("a request that needs no session: %d", w.Code)
	}
	site.store.on(nil, nil)
	if got := v.get("user"); got != "ada" {
		t.Errorf("after the failure user = %v: logged out", got)
	}
	// A visitor without a cookie needs no store to be told apart.
	site.store.on(func(string, string) error { return errBroken }, nil)
	site.visitor().do(func(s *sojourn.Session) {
		if !s.New() {
			t.Error("a visitor without a cookie is not new")
		}
	})
}

func TestAClientThatHangsUpIsNoFailureOfTheStore(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor().start()
	gone, hangUp := context.WithCancel(ctx)
	hangUp()
	site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, err := site.Get(r); s != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("Get = %v, %v; want the error", s, err)
		}
	})).ServeHTTP(httptest.NewRecorder(), v.request().WithContext(gone))
	if _, errs := site.heard(); len(errs) != 0 {
		t.Errorf("OnError heard %v", errs)
	}
}

func TestLogoutThatCannotBeSavedIsNotConfirmed(t *testing.T) {
	site := newSite(t, &sojourn.Options{StoreTimeout: 30 * time.Millisecond})
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	site.store.on(breaks("delete"), nil)
	w := v.do(func(s *sojourn.Session) { s.Invalidate() })
	if w.Code != http.StatusServiceUnavailable || len(w.Result().Cookies()) != 0 {
		t.Errorf("answer %d, Set-Cookie %v; want 503, and the cookie kept to try again", w.Code, w.Result().Cookies())
	}
}

func TestPanics(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	for name, start := range map[string]func(w http.ResponseWriter){
		"before the first byte": beginnings["nothing at all"],
		"after the first byte":  beginnings["Write"],
	} {
		t.Run(name, func(t *testing.T) {
			var caught any
			recovers := func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if caught = recover(); caught != nil {
						w.WriteHeader(http.StatusInternalServerError)
					}
				}()
				site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					s, _ := site.Get(r)
					start(w)
					s.Set("a", name)
					panic("oops")
				})).ServeHTTP(w, r)
			}
			recovers(httptest.NewRecorder(), v.request())
			if caught != "oops" || v.get("a") != name {
				t.Errorf("recovered %v, a = %v; want the panic to go on and the change to be saved", caught, v.get("a"))
			}
		})
	}
	t.Run("a new visitor's cookie goes with what the recovering middleware writes", func(t *testing.T) {
		fresh := site.visitor()
		w := httptest.NewRecorder()
		func() {
			defer func() { _ = recover(); w.WriteHeader(http.StatusInternalServerError) }()
			site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s, _ := site.Get(r)
				s.Set("a", 1)
				panic("oops")
			})).ServeHTTP(w, fresh.request())
		}()
		fresh.keep(w.Result())
		if fresh.get("a") != int64(1) {
			t.Error("the session of a visitor whose handler panicked is lost")
		}
	})
}

func TestSaveThenAnErrorThatTheHandlerHandles(t *testing.T) {
	site := newSite(t, &sojourn.Options{StoreTimeout: 30 * time.Millisecond})
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	site.store.on(breaks("swap"), nil)
	w := v.serve(func(w http.ResponseWriter, r *http.Request) {
		s, _ := site.Get(r)
		s.Set("a", 2)
		if s.Save(r.Context()) == nil {
			t.Error("Save succeeded")
		}
		site.store.on(nil, nil)
		w.WriteHeader(http.StatusTeapot)
	})
	if _, errs := site.heard(); w.Code != http.StatusTeapot || len(errs) != 0 || v.get("a") != int64(1) {
		t.Errorf("status %d, OnError %v, a = %v; want the handler's answer, and nothing saved behind its back", w.Code, errs, v.get("a"))
	}
}

func TestTheStoresDeadline(t *testing.T) {
	var stall atomic.Bool
	site := newSiteOn(t, stalled{memstoreFor(t), &stall}, &sojourn.Options{StoreTimeout: 20 * time.Millisecond})
	v := site.visitor().start()
	stall.Store(true)
	v.serve(func(w http.ResponseWriter, r *http.Request) {
		if _, err := site.Get(r); !errors.Is(err, sojourn.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get from a store that hangs = %v, want ErrUnavailable and DeadlineExceeded", err)
		}
	})
}

// However many commits of one session wait in line, and whatever else a commit
// has to do: StoreTimeout bounds it.
func TestACommitHasOneDeadline(t *testing.T) {
	for name, act := range map[string]func(s *sojourn.Session){
		"increments": func(s *sojourn.Session) { add(s, 1) },
		"renewals":   func(s *sojourn.Session) { _ = s.Renew() },
		"logouts":    func(s *sojourn.Session) { s.Invalidate(); s.Set("a", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var stall atomic.Bool
				site := newSiteOn(t, stalled{memstoreFor(t), &stall}, nil)
				v := site.visitor().start()
				var wg sync.WaitGroup
				for i := range 20 {
					w := v.clone()
					wg.Go(func() {
						var start time.Time
						w.during(nil, func(s *sojourn.Session) { act(s); start = time.Now() }, func() {
							time.Sleep(time.Second + time.Duration(i)*100*time.Millisecond)
						})
						if took := time.Since(start); took > 2*time.Second {
							t.Errorf("commit %d took %v, want 2s at most", i, took)
						}
					})
				}
				time.Sleep(time.Second / 2)
				stall.Store(true)
				wg.Wait()
			})
		})
	}
}

// stalled never answers before the deadline, while it is on.
type stalled struct {
	sojourn.Store
	on *atomic.Bool
}

func (s stalled) wait(ctx context.Context) error {
	if s.on.Load() {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (s stalled) Load(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.Store.Load(ctx, id, ttl)
}

func (s stalled) Create(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	return s.Store.Create(ctx, id, rec, ttl)
}

func (s stalled) Swap(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.Store.Swap(ctx, id, old, rec, ttl)
}

func (s stalled) Delete(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.Store.Delete(ctx, id, old)
}
