package sojourn_test

import (
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// ends are the ways in which a session ends while a request holds it.
var ends = map[string]func(v *visitor){
	"logout":  func(v *visitor) { v.do(func(s *sojourn.Session) { s.Invalidate() }) },
	"renewal": func(v *visitor) { v.do(func(s *sojourn.Session) { _ = s.Renew() }) },
	"expiry":  nil, // the store's clock
}

// uses are what the request that holds it then does.
var uses = map[string]func(s *sojourn.Session){
	"reads":       func(s *sojourn.Session) { _, _ = s.Get("a") },
	"sets":        func(s *sojourn.Session) { s.Set("a", 2) },
	"updates":     func(s *sojourn.Session) { add(s, 1) },
	"clears":      func(s *sojourn.Session) { s.Clear() },
	"flashes":     func(s *sojourn.Session) { _ = s.Flash("", "x") },
	"renews":      func(s *sojourn.Session) { s.Set("a", 2); _ = s.Renew() },
	"sets a time": func(s *sojourn.Session) { _ = s.SetTimeout(time.Hour) },
	"saves":       func(s *sojourn.Session) { s.Set("a", 2); _ = s.Save(ctx); s.Set("a", 3) },
	"refreshes":   func(s *sojourn.Session) { _ = s.Refresh(ctx) },
	"is forced":   func(s *sojourn.Session) { s.Changed() },
}

func TestNoResurrection(t *testing.T) {
	for end, ending := range ends {
		for use, using := range uses {
			t.Run(end+"/"+use, func(t *testing.T) {
				t.Parallel()
				forEachStore(t, func(t *testing.T, store sojourn.Store) {
					opts := sojourn.Options{}
					if ending == nil {
						opts.IdleTimeout = 30 * time.Millisecond
					}
					site := newSiteOn(t, store, &opts)
					v := site.visitor()
					v.do(func(s *sojourn.Session) { s.Merge(map[string]any{"a": 1, "n": 1}) })
					old, held := v.clone(), v.clone()
					var id string
					w := held.during(func(s *sojourn.Session) { id = s.ID() }, using, func() {
						if ending != nil {
							ending(v)
							return
						}
						for { // until the store has dropped it
							if _, err := store.Load(ctx, id, sojourn.Keep); err != nil {
								return
							}
							time.Sleep(5 * time.Millisecond)
						}
					})
					if w.Code != http.StatusOK || len(w.Result().Cookies()) != 0 {
						t.Errorf("status %d, Set-Cookie %v; want the handler's answer without a cookie", w.Code, w.Result().Cookies())
					}
					if _, err := store.Load(ctx, id, sojourn.Keep); err == nil {
						t.Error("the record is back")
					}
					old.do(func(s *sojourn.Session) {
						if !s.New() || s.Len() != 0 {
							t.Errorf("the old cookie leads to a session with %v", s.Keys())
						}
					})
					if invalid, errs := site.heard(); use != "reads" && !hears(invalid, sojourn.ErrEnded) || len(errs) != 0 {
						t.Errorf("hooks heard %v and %v, want ErrEnded", invalid, errs)
					}
					if end == "renewal" {
						if got := v.get("a"); got != int64(1) {
							t.Errorf("the renewed session holds a = %v, want 1", got)
						}
					}
				})
			})
		}
	}
}

func hears(invalid []*sojourn.InvalidError, reason error) bool {
	return slices.ContainsFunc(invalid, func(e *sojourn.InvalidError) bool { return errors.Is(e, reason) })
}

func TestSaveSaysThatTheSessionEnded(t *testing.T) {
	v := newSite(t, nil).visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	v.clone().during(nil, func(s *sojourn.Session) {
		s.Set("a", 2)
		for range 2 {
			if err := s.Save(ctx); !errors.Is(err, sojourn.ErrEnded) {
				t.Errorf("Save = %v, want ErrEnded", err)
			}
		}
	}, func() { v.do(func(s *sojourn.Session) { s.Invalidate() }) })
	if got := v.site.store.count()["swap"]; got != 1 {
		t.Errorf("the store was asked %d times to write to a session that has ended, want once", got)
	}
}

func TestInvalidate(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	old := v.clone()
	w := v.do(func(s *sojourn.Session) {
		s.Set("a", 2)
		s.Invalidate()
		if !s.New() || s.Len() != 0 || s.ID() != "" {
			t.Errorf("after Invalidate: New %v, %d values", s.New(), s.Len())
		}
	})
	if c := w.Result().Cookies(); len(c) != 1 || c[0].MaxAge >= 0 || c[0].Path != "/" {
		t.Errorf("Set-Cookie %v, want one that expires", c)
	}
	if got := old.get("a"); got != nil {
		t.Errorf("the old cookie gives %v", got)
	}

	t.Run("and used again", func(t *testing.T) {
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Set("a", 1) })
		old := v.clone()
		v.do(func(s *sojourn.Session) {
			s.Invalidate()
			s.Set("b", 2)
			s.Invalidate()
			s.Set("c", 3)
		})
		v.do(func(s *sojourn.Session) {
			if got := s.Keys(); !slices.Equal(got, []string{"c"}) || s.New() {
				t.Errorf("the fresh session holds %v", got)
			}
		})
		if old.get("a") != nil || old.cookie() == v.cookie() {
			t.Error("the old id is alive")
		}
	})

	t.Run("a session saved in the same request", func(t *testing.T) {
		v := site.visitor()
		var id string
		w := v.do(func(s *sojourn.Session) {
			s.Set("a", 1)
			if err := s.Save(ctx); err != nil {
				t.Error(err)
			}
			id = s.ID()
			s.Invalidate()
		})
		if _, err := site.store.Load(ctx, id, sojourn.Keep); !errors.Is(err, sojourn.ErrNotFound) || len(w.Result().Cookies()) != 0 {
			t.Errorf("the record: %v, Set-Cookie %v; want neither", err, w.Result().Cookies())
		}
	})
}

func TestRenew(t *testing.T) {
	forEachStore(t, func(t *testing.T, store sojourn.Store) {
		site := newSiteOn(t, store, nil)
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Merge(map[string]any{"cart": "full", "n": 1}) })
		old := v.clone()
		v.during(func(s *sojourn.Session) { s.Set("user", "ada") },
			func(s *sojourn.Session) {
				if err := s.Renew(); err != nil {
					t.Error(err)
				}
			},
			func() { v.clone().do(func(s *sojourn.Session) { add(s, 1); s.Set("late", true) }) })
		if v.cookie() == old.cookie() {
			t.Fatal("the cookie is the old one")
		}
		v.do(func(s *sojourn.Session) {
			want := map[string]any{"cart": "full", "n": int64(2), "late": true, "user": "ada"}
			if got := maps.Collect(s.All()); !reflect.DeepEqual(got, want) {
				t.Errorf("the renewed session holds %v, want %v", got, want)
			}
		})
		old.do(func(s *sojourn.Session) {
			if !s.New() {
				t.Error("the old id is alive")
			}
		})
	})
}

// A logout while a renewal waits for a lost answer is still a logout.
func TestALogoutDuringARenewalWhoseAnswerIsLost(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("n", 1) })
	old := v.clone()
	lost := false
	site.store.on(func(op, id string) error {
		if op == "swap" && !lost {
			lost = true
			_, _ = site.store.Store.Delete(ctx, id, nil)
			return errBroken
		}
		return nil
	}, nil)
	w := v.do(func(s *sojourn.Session) { _ = s.Renew() })
	if invalid, _ := site.heard(); !hears(invalid, sojourn.ErrEnded) || len(w.Result().Cookies()) != 0 {
		t.Errorf("OnInvalid %v, Set-Cookie %v; want ErrEnded and no cookie", invalid, w.Result().Cookies())
	}
	if old.get("n") != nil || site.store.Store.(*memstore.Store).Len() != 0 {
		t.Error("the session outlived its logout")
	}
}

// If the last step of a renewal fails, what is left under the old id is dead.
func TestTheTombstoneOfARenewedSession(t *testing.T) {
	site := newSite(t, &sojourn.Options{StoreTimeout: 50 * time.Millisecond})
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("n", 1) })
	old, held := v.clone(), v.clone()
	held.during(nil, func(s *sojourn.Session) {
		s.Set("n", 2)
		if err := s.Save(ctx); !errors.Is(err, sojourn.ErrEnded) {
			t.Errorf("Save of a request that loaded the old id = %v, want ErrEnded", err)
		}
	}, func() {
		site.store.on(breaks("delete"), nil)
		v.do(func(s *sojourn.Session) { _ = s.Renew() })
		site.store.on(nil, nil)
		site.heard()
		old.do(func(s *sojourn.Session) {
			if !s.New() {
				t.Error("the old id is alive")
			}
		})
		if invalid, errs := site.heard(); !hears(invalid, sojourn.ErrNotFound) || len(errs) != 0 {
			t.Errorf("hooks heard %v and %v, want ErrNotFound", invalid, errs)
		}
	})
	if got := v.get("n"); got != int64(1) {
		t.Errorf("n = %v under the new id, want 1", got)
	}
}

func TestTwoRenewalsAtOnceLeaveOne(t *testing.T) {
	forEachStore(t, func(t *testing.T, store sojourn.Store) {
		site := newSiteOn(t, store, nil)
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Set("a", 1) })
		windows := []*visitor{v.clone(), v.clone(), v.clone(), v.clone()}
		var wg, loaded sync.WaitGroup
		loaded.Add(len(windows))
		for _, w := range windows {
			wg.Go(func() {
				w.during(nil, func(s *sojourn.Session) { _ = s.Renew() }, func() { loaded.Done(); loaded.Wait() })
			})
		}
		wg.Wait()
		alive := 0
		for _, w := range windows {
			if w.get("a") != nil {
				alive++
			}
		}
		if alive != 1 {
			t.Errorf("%d of the renewed sessions are alive, want 1", alive)
		}
		if m, ok := store.(*memstore.Store); ok && m.Len() != 1 {
			t.Errorf("%d records are left, want 1", m.Len())
		}
	})
}
