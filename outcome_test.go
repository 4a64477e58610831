package sojourn_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

var errBroken = errors.New("connection reset")

// A lost answer: the store did it, or not, and says nothing either way.
func TestLostAnswers(t *testing.T) {
	change := func(s *sojourn.Session) { add(s, 1) }
	for _, row := range []struct {
		name, op string
		done     bool // the store did it
		act      func(s *sojourn.Session)
		want     any // of n, afterwards
	}{
		{"swap done", "swap", true, change, int64(2)},
		{"swap not done", "swap", false, change, int64(2)},
		{"renewal: create done", "create", true, func(s *sojourn.Session) { change(s); _ = s.Renew() }, int64(2)},
		{"renewal: create not done", "create", false, func(s *sojourn.Session) { change(s); _ = s.Renew() }, int64(2)},
		{"renewal: end of the old id done", "swap", true, func(s *sojourn.Session) { change(s); _ = s.Renew() }, int64(2)},
		{"renewal: end of the old id not done", "swap", false, func(s *sojourn.Session) { change(s); _ = s.Renew() }, int64(2)},
		{"logout done", "delete", true, func(s *sojourn.Session) { s.Invalidate() }, nil},
		{"logout not done", "delete", false, func(s *sojourn.Session) { s.Invalidate() }, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			site := newSite(t, nil)
			v := site.visitor()
			v.do(func(s *sojourn.Session) { s.Set("n", 1) })
			lost := false
			lose := func(op, _ string) error {
				if op == row.op && !lost {
					lost = true
					return errBroken
				}
				return nil
			}
			if row.done {
				site.store.on(nil, lose)
			} else {
				site.store.on(lose, nil)
			}
			if w := v.do(row.act); w.Code != http.StatusOK || !lost {
				t.Errorf("status %d, an answer was lost: %v; want the loss to be mended", w.Code, lost)
			}
			if got := v.get("n"); got != row.want {
				t.Errorf("n = %v, want %v", got, row.want)
			}
		})
	}
	t.Run("first save", func(t *testing.T) {
		for _, done := range []bool{true, false} {
			site := newSite(t, nil)
			v := site.visitor()
			lost := false
			lose := func(op, _ string) error {
				if op == "create" && !lost {
					lost = true
					return errBroken
				}
				return nil
			}
			if done {
				site.store.on(nil, lose)
			} else {
				site.store.on(lose, nil)
			}
			v.do(change)
			if got := v.get("n"); got != int64(1) || !lost {
				t.Errorf("done %v: n = %v, want 1", done, got)
			}
			if got := site.store.Store.(*memstore.Store).Len(); got != 1 {
				t.Errorf("done %v: %d records, want 1", done, got)
			}
		}
	})
}

func TestAnUnknownOutcomeIsSaid(t *testing.T) {
	t.Run("another request wrote after the answer was lost", func(t *testing.T) {
		site := newSite(t, nil)
		other := newSiteOn(t, site.store.Store, nil) // another process
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Set("n", 1) })
		w2 := v.clone()
		w2.site = other
		lost := false
		site.store.on(nil, func(op, _ string) error {
			if op == "swap" && !lost {
				lost = true
				w2.do(func(s *sojourn.Session) { add(s, 10) })
				return errBroken
			}
			return nil
		})
		w := v.do(func(s *sojourn.Session) {
			add(s, 1)
			for range 2 {
				if err := s.Save(ctx); !errors.Is(err, sojourn.ErrOutcomeUnknown) {
					t.Errorf("Save = %v, want ErrOutcomeUnknown, and no second try", err)
				}
			}
		})
		if w.Code != http.StatusOK {
			t.Errorf("status %d: the handler has decided, want its answer", w.Code)
		}
		if got := v.get("n"); got != int64(12) {
			t.Errorf("n = %v, want 12: neither lost nor done twice", got)
		}
	})
	t.Run("the store stays away", func(t *testing.T) {
		site := newSite(t, &sojourn.Options{StoreTimeout: 50 * time.Millisecond})
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Set("n", 1) })
		site.store.on(breaks("swap"), nil)
		w := v.do(func(s *sojourn.Session) { add(s, 1) })
		_, errs := site.heard()
		if w.Code != http.StatusServiceUnavailable || len(errs) != 1 ||
			!errors.Is(errs[0], sojourn.ErrOutcomeUnknown) || !errors.Is(errs[0], sojourn.ErrUnavailable) || !errors.Is(errs[0], errBroken) {
			t.Errorf("status %d, OnError %v; want 503 and both ErrOutcomeUnknown and ErrUnavailable", w.Code, errs)
		}
	})
	t.Run("nothing was sent", func(t *testing.T) {
		site := newSite(t, nil)
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Set("n", 1) })
		site.store.on(func(op, _ string) error {
			if op == "swap" {
				return fmt.Errorf("refused: %w", sojourn.ErrNotSent)
			}
			return nil
		}, nil)
		v.do(func(s *sojourn.Session) {
			add(s, 1)
			err := s.Save(ctx)
			if !errors.Is(err, sojourn.ErrUnavailable) || errors.Is(err, sojourn.ErrOutcomeUnknown) {
				t.Errorf("Save = %v, want ErrUnavailable alone", err)
			}
			site.store.on(nil, nil)
			if err := s.Save(ctx); err != nil {
				t.Errorf("Save again = %v", err)
			}
		})
		if got := v.get("n"); got != int64(2) {
			t.Errorf("n = %v, want 2", got)
		}
	})
}

// A store that fails at random, before or after the deed: what Save acknowledges
// is done once, what it calls unknown is done once or not at all, and what it
// refuses otherwise is not done.
func TestRandomFailuresNeitherLoseNorDouble(t *testing.T) {
	forEachStore(t, func(t *testing.T, store sojourn.Store) {
		var sites []*site
		for i := range 3 {
			site := newSiteOn(t, store, nil)
			random := rand.New(rand.NewPCG(1, uint64(i)))
			var mu sync.Mutex
			fail := func(op, _ string) error {
				mu.Lock()
				defer mu.Unlock()
				if op == "swap" && random.IntN(10) == 0 {
					return errBroken
				}
				return nil
			}
			site.store.on(fail, fail)
			sites = append(sites, site)
		}
		v := newSiteOn(t, store, nil).visitor()
		v.do(func(s *sojourn.Session) { s.Set("n", 0) })
		var wg sync.WaitGroup
		var acknowledged, unknown atomic.Int64
		for i := range 12 {
			w := v.clone()
			w.site = sites[i%3]
			wg.Go(func() {
				for range 25 {
					w.do(func(s *sojourn.Session) {
						add(s, 1)
						switch err := s.Save(ctx); {
						case err == nil:
							acknowledged.Add(1)
						case errors.Is(err, sojourn.ErrOutcomeUnknown):
							unknown.Add(1)
						default:
							t.Errorf("Save: %v", err)
						}
					})
				}
			})
		}
		wg.Wait()
		got, low, high := v.get("n").(int64), acknowledged.Load(), acknowledged.Load()+unknown.Load()
		if got < low || got > high {
			t.Errorf("n = %d, want %d (acknowledged) to %d (with those unknown)", got, low, high)
		}
		t.Logf("%d acknowledged, %d unknown, n = %d", low, high-low, got)
	})
}

func TestAttemptsAreBounded(t *testing.T) {
	site := newSite(t, &sojourn.Options{Attempts: 5})
	other := newSiteOn(t, site.store.Store, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("n", 0) })
	rival := v.clone()
	rival.site = other
	site.store.on(func(op, _ string) error {
		if op == "swap" {
			rival.do(func(s *sojourn.Session) { add(s, 10) })
		}
		return nil
	}, nil)
	site.store.count()
	w := v.do(func(s *sojourn.Session) { add(s, 1) })
	_, errs := site.heard()
	if w.Code != http.StatusConflict || len(errs) != 1 || !errors.Is(errs[0], sojourn.ErrConflict) {
		t.Errorf("status %d, OnError %v; want 409 and ErrConflict", w.Code, errs)
	}
	if got := site.store.count()["swap"]; got != 5 {
		t.Errorf("%d attempts, want 5", got)
	}
	site.store.on(nil, nil)
	if got := v.get("n"); got != int64(50) {
		t.Errorf("n = %v, want only the rival's 50", got)
	}
}

func TestAClientThatHangsUpDoesNotCancelTheSave(t *testing.T) {
	forEachStore(t, func(t *testing.T, store sojourn.Store) {
		site := newSiteOn(t, store, nil)
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Set("n", 1) })
		for range 2 {
			gone, hangUp := context.WithCancel(ctx)
			site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s, err := site.Get(r)
				if err != nil {
					t.Fatal(err)
				}
				add(s, 1)
				hangUp()
				if err := s.Save(r.Context()); err != nil {
					t.Errorf("Save: %v", err)
				}
				add(s, 1)
			})).ServeHTTP(httptest.NewRecorder(), v.request().WithContext(gone))
		}
		if got := v.get("n"); got != int64(5) {
			t.Errorf("n = %v, want 5", got)
		}
	})
}
