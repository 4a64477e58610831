package sojourn_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
)

// during runs first in a request of v, and while that request is held open
// runs between, and then second.
func (v *visitor) during(first, second func(s *sojourn.Session), between func()) *httptest.ResponseRecorder {
	return v.do(func(s *sojourn.Session) {
		if first != nil {
			first(s)
		}
		between()
		second(s)
	})
}

func TestConcurrentIncrementsAreExact(t *testing.T) {
	const n = 1000
	forEachStore(t, func(t *testing.T, store sojourn.Store) {
		count := sojourn.Key[int]("count")
		// Two managers, as in two processes.
		sites := []*site{newSiteOn(t, store, nil), newSiteOn(t, store, nil)}
		v := sites[0].visitor()
		v.do(func(s *sojourn.Session) { s.Set("other", "kept") })

		var wg, loaded sync.WaitGroup
		loaded.Add(n)
		var mu sync.Mutex
		answers := map[int]bool{}
		for i := range n {
			w := v.clone()
			w.site = sites[i%2]
			wg.Go(func() {
				w.during(nil, func(s *sojourn.Session) {
					if _, err := count.Update(s, func(n int) int { return n + 1 }); err != nil {
						t.Error(err)
					}
					if err := s.Save(ctx); err != nil {
						t.Errorf("Save: %v", err)
					}
					got, err := count.Get(s)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					if answers[got] {
						t.Errorf("two requests saved %d", got)
					}
					answers[got] = true
				}, func() { loaded.Done(); loaded.Wait() })
			})
		}
		wg.Wait()
		if got := v.get("count"); got != int64(n) {
			t.Errorf("%d increments added %v", n, got)
		}
		if got := v.get("other"); got != "kept" {
			t.Errorf("another value is %v", got)
		}
	})
}

func TestParallelRequestsKeepAllTheirKeys(t *testing.T) {
	forEachStore(t, func(t *testing.T, store sojourn.Store) {
		v := newSiteOn(t, store, nil).visitor()
		v.do(func(s *sojourn.Session) { s.Set("first", 1) })
		var wg, loaded sync.WaitGroup
		loaded.Add(50)
		for i := range 50 {
			w := v.clone()
			wg.Go(func() {
				w.during(nil, func(s *sojourn.Session) { s.Set(fmt.Sprint("k", i), i) }, func() { loaded.Done(); loaded.Wait() })
			})
		}
		wg.Wait()
		v.do(func(s *sojourn.Session) {
			if s.Len() != 51 {
				t.Errorf("%d values are left of 51: %v", s.Len(), s.Keys())
			}
		})
	})
}

func TestContentionInOneProcessCostsNoAttempts(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("n", 0) })
	site.store.count()
	const n = 100
	var wg, loaded sync.WaitGroup
	loaded.Add(n)
	for range n {
		w := v.clone()
		wg.Go(func() {
			w.during(nil, func(s *sojourn.Session) { add(s, 1) }, func() { loaded.Done(); loaded.Wait() })
		})
	}
	wg.Wait()
	if got := site.store.count()["swap"]; got != n {
		t.Errorf("%d swaps for %d commits", got, n)
	}
	if got := v.get("n"); got != int64(n) {
		t.Errorf("n = %v, want %d", got, n)
	}
}

// Nor does what another process has saved before a request loaded.
func TestProcessesThatTakeTurnsCostNoAttempts(t *testing.T) {
	store := memstoreFor(t)
	sites := []*site{newSiteOn(t, store, nil), newSiteOn(t, store, nil)}
	v := sites[0].visitor()
	v.do(func(s *sojourn.Session) { s.Set("n", 0) })
	for i := range 10 {
		v.site = sites[i%2]
		v.site.store.count()
		v.do(func(s *sojourn.Session) { add(s, 1) })
		if got := v.site.store.count(); got["swap"] != 1 {
			t.Errorf("change %d: %v, want one swap", i, got)
		}
	}
}

// The line may be longer than StoreTimeout, as long as it moves.
func TestALongLineThatMovesIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, &sojourn.Options{StoreTimeout: time.Second})
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Set("n", 0) })
		site.store.on(func(op, _ string) error {
			if op == "swap" {
				time.Sleep(300 * time.Millisecond)
			}
			return nil
		}, nil)
		var wg sync.WaitGroup
		for range 20 {
			w := v.clone()
			wg.Go(func() { w.do(func(s *sojourn.Session) { add(s, 1) }) })
		}
		wg.Wait()
		if _, errs := site.heard(); len(errs) != 0 || v.get("n") != int64(20) {
			t.Errorf("n = %v, OnError %v; want 20 and no failure", v.get("n"), errs)
		}
	})
}

func TestIDsThatAreTakenAreNotAdopted(t *testing.T) {
	next := []string{"taken-id-1234567", "taken-id-1234567", "fresh-id-1234567", "never-asked"}
	site := newSite(t, &sojourn.Options{NewID: func() string { id := next[0]; next = next[1:]; return id }})
	first, second := site.visitor(), site.visitor()
	first.do(func(s *sojourn.Session) { s.Set("who", "first") })
	second.do(func(s *sojourn.Session) { s.Set("who", "second") })
	if first.get("who") != "first" || second.get("who") != "second" {
		t.Errorf("two visitors share a session")
	}

	site = newSite(t, &sojourn.Options{NewID: func() string { return "always-the-same" }, Attempts: 3})
	first, second = site.visitor(), site.visitor()
	first.do(func(s *sojourn.Session) { s.Set("who", "first") })
	w := second.do(func(s *sojourn.Session) { s.Set("who", "second") })
	if w.Code != http.StatusInternalServerError || first.get("who") != "first" {
		t.Errorf("status %d and the first visitor's session says %v; want 500 and no change", w.Code, first.get("who"))
	}

	for _, id := range []string{"", "with space", "new\nline", "nul\x00", "ünïcode", "tilde~", string(make([]byte, 201))} {
		site := newSite(t, &sojourn.Options{NewID: func() string { return id }})
		w := site.visitor().do(func(s *sojourn.Session) {
			if _, err := s.EnsureID(); err == nil {
				t.Errorf("EnsureID took %q", id)
			}
			s.Set("a", 1)
		})
		if w.Code != http.StatusInternalServerError {
			t.Errorf("id %q: status %d, want 500", id, w.Code)
		}
	}
}
