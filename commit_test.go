package sojourn_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

var errBroken = errors.New("connection reset")

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

// In each row a request does mine, after another has done theirs.
var replays = map[string]struct {
	start, theirs, mine func(s *sojourn.Session)
	want                map[string]any
}{
	"set beside set": {
		nil,
		func(s *sojourn.Session) { s.Set("a", 1) },
		func(s *sojourn.Session) { s.Set("b", 2) },
		map[string]any{"a": int64(1), "b": int64(2)},
	},
	"the last set of one key wins": {
		nil,
		func(s *sojourn.Session) { s.Set("a", 1) },
		func(s *sojourn.Session) { s.Set("a", 2) },
		map[string]any{"a": int64(2)},
	},
	"update on update": {
		func(s *sojourn.Session) { s.Set("n", 10) },
		func(s *sojourn.Session) { add(s, 1) },
		func(s *sojourn.Session) { add(s, 2); add(s, 3) },
		map[string]any{"n": int64(16)},
	},
	"update of a map that was read before": {
		func(s *sojourn.Session) { s.Set("m", map[string]int{"x": 1}) },
		func(s *sojourn.Session) { mark(s, "theirs") },
		func(s *sojourn.Session) { _, _ = s.Get("m"); mark(s, "mine") },
		map[string]any{"m": map[string]any{"x": int64(1), "theirs": int64(1), "mine": int64(1)}},
	},
	"update after set": {
		nil,
		func(s *sojourn.Session) { s.Set("n", 100) },
		func(s *sojourn.Session) { s.Set("n", 1); add(s, 1) },
		map[string]any{"n": int64(2)},
	},
	"in place beside set": {
		func(s *sojourn.Session) { s.Set("m", map[string]int{"x": 1}) },
		func(s *sojourn.Session) { s.Set("a", 1) },
		func(s *sojourn.Session) { m, _ := s.Get("m"); m.(map[string]any)["y"] = 2 },
		map[string]any{"a": int64(1), "m": map[string]any{"x": int64(1), "y": int64(2)}},
	},
	"in place, then update": {
		func(s *sojourn.Session) { s.Set("m", map[string]int{"x": 1}) },
		func(s *sojourn.Session) { s.Set("a", 1) },
		func(s *sojourn.Session) {
			m, _ := sojourn.Key[map[string]int]("m").Get(s)
			m["y"] = 2
			mark(s, "z")
		},
		map[string]any{"a": int64(1), "m": map[string]any{"x": int64(1), "y": int64(2), "z": int64(1)}},
	},
	"in place in one map": {
		func(s *sojourn.Session) { s.Set("m", map[string]any{"x": 1, "y": 2, "deep": map[string]int{"a": 1}}) },
		func(s *sojourn.Session) {
			m, _ := s.Get("m")
			m.(map[string]any)["theirs"] = 1
			delete(m.(map[string]any), "x")
			m.(map[string]any)["deep"].(map[string]any)["b"] = 2
		},
		func(s *sojourn.Session) {
			m, _ := s.Get("m")
			m.(map[string]any)["mine"] = 1
			delete(m.(map[string]any), "y")
			m.(map[string]any)["deep"].(map[string]any)["a"] = 3
		},
		map[string]any{"m": map[string]any{"theirs": int64(1), "mine": int64(1), "deep": map[string]any{"a": int64(3), "b": int64(2)}}},
	},
	"appended in place to one list": {
		func(s *sojourn.Session) { s.Set("l", []string{"old"}) },
		func(s *sojourn.Session) { appendTo(s, "same"); appendTo(s, "theirs") },
		func(s *sojourn.Session) { appendTo(s, "same"); appendTo(s, "mine") },
		map[string]any{"l": []any{"old", "same", "theirs", "same", "mine"}},
	},
	"appended in place to a list that both have made": {
		nil,
		func(s *sojourn.Session) { makeAndAppend(s, "theirs") },
		func(s *sojourn.Session) { makeAndAppend(s, "mine") },
		map[string]any{"l": []any{"theirs", "mine"}},
	},
	"altered in place after set": {
		nil,
		func(s *sojourn.Session) { s.Set("a", 1) },
		func(s *sojourn.Session) {
			l := []string{"x"}
			s.Set("l", &l)
			l = append(l, "y")
		},
		map[string]any{"a": int64(1), "l": []any{"x", "y"}},
	},
	"in place in a map with integer keys": {
		func(s *sojourn.Session) { s.Set("m", map[int]int{1: 1}) },
		func(s *sojourn.Session) { m, _ := sojourn.Key[map[int]int]("m").Get(s); m[2] = 2 },
		func(s *sojourn.Session) { m, _ := sojourn.Key[map[int]int]("m").Get(s); m[3] = 3 },
		map[string]any{"m": map[any]any{int64(1): int64(1), int64(2): int64(2), int64(3): int64(3)}},
	},
	"in place in one struct": {
		func(s *sojourn.Session) { s.Set("c", cart{Items: []string{"a"}}) },
		func(s *sojourn.Session) { c, _ := sojourn.Key[*cart]("c").Get(s); c.Items = append(c.Items, "b") },
		func(s *sojourn.Session) { c, _ := sojourn.Key[*cart]("c").Get(s); c.Total = 2.5 },
		map[string]any{"c": map[string]any{"Items": []any{"a", "b"}, "Total": 2.5, "Meta": nil}},
	},
	"in place, and what cannot be merged": {
		func(s *sojourn.Session) { s.Set("l", []string{"a", "b"}) },
		func(s *sojourn.Session) { appendTo(s, "theirs") },
		func(s *sojourn.Session) { l, _ := sojourn.Key[[]string]("l").Get(s); l[0] = "mine" },
		map[string]any{"l": []any{"mine", "b"}},
	},
	"in place beside set of the same": {
		func(s *sojourn.Session) { s.Set("m", map[string]int{"x": 1}) },
		func(s *sojourn.Session) { s.Set("m", "another type") },
		func(s *sojourn.Session) { m, _ := s.Get("m"); m.(map[string]any)["y"] = 2 },
		map[string]any{"m": map[string]any{"x": int64(1), "y": int64(2)}},
	},
	"in place beside delete": {
		func(s *sojourn.Session) { s.Set("m", map[string]int{"x": 1}) },
		func(s *sojourn.Session) { s.Delete("m") },
		func(s *sojourn.Session) { m, _ := s.Get("m"); m.(map[string]any)["y"] = 2 },
		map[string]any{"m": map[string]any{"x": int64(1), "y": int64(2)}},
	},
	"delete beside set": {
		func(s *sojourn.Session) { s.Set("a", 1) },
		func(s *sojourn.Session) { s.Set("b", 2) },
		func(s *sojourn.Session) { s.Delete("a") },
		map[string]any{"b": int64(2)},
	},
	"set survives a delete of another": {
		func(s *sojourn.Session) { s.Set("a", 1) },
		func(s *sojourn.Session) { s.Delete("a") },
		func(s *sojourn.Session) { s.Set("b", 2) },
		map[string]any{"b": int64(2)},
	},
	"pop": {
		func(s *sojourn.Session) { s.Set("a", 1) },
		func(s *sojourn.Session) { s.Set("b", 2) },
		func(s *sojourn.Session) { _, _ = s.Pop("a") },
		map[string]any{"b": int64(2)},
	},
	"clear": {
		func(s *sojourn.Session) { s.Set("a", 1) },
		func(s *sojourn.Session) { s.Set("b", 2) },
		func(s *sojourn.Session) { s.Clear(); s.Set("c", 3) },
		map[string]any{"c": int64(3)},
	},
	"set-default leaves what another has set": {
		nil,
		func(s *sojourn.Session) { s.Set("a", "theirs") },
		func(s *sojourn.Session) { _, _ = s.SetDefault("a", "mine") },
		map[string]any{"a": "theirs"},
	},
	"flash beside flash": {
		nil,
		func(s *sojourn.Session) { _ = s.Flash("", "theirs") },
		func(s *sojourn.Session) { _ = s.Flash("", "mine"); _ = s.FlashOnce("", "theirs") },
		map[string]any{"_f_": []any{"theirs", "mine"}},
	},
	"a pop leaves what was not seen": {
		func(s *sojourn.Session) { _ = s.Flash("", "old") },
		func(s *sojourn.Session) { _ = s.Flash("", "new") },
		func(s *sojourn.Session) { _, _ = s.PopFlash("") },
		map[string]any{"_f_": []any{"new"}},
	},
	"a message is popped once": {
		func(s *sojourn.Session) { _ = s.Flash("", "old") },
		func(s *sojourn.Session) { _, _ = s.PopFlash(""); _ = s.Flash("", "new") },
		func(s *sojourn.Session) { _, _ = s.PopFlash(""); s.Set("a", 1) },
		map[string]any{"_f_": []any{"new"}, "a": int64(1)},
	},
	"the token that was first stays": {
		nil,
		func(s *sojourn.Session) { s.Set("_csrft_", "theirs") },
		func(s *sojourn.Session) { s.CSRFToken() },
		map[string]any{"_csrft_": "theirs"},
	},
}

func add(s *sojourn.Session, by int) {
	_, _ = sojourn.Key[int]("n").Update(s, func(n int) int { return n + by })
}

func appendTo(s *sojourn.Session, v string) {
	l, _ := sojourn.Key[*[]string]("l").Get(s)
	*l = append(*l, v)
}

func makeAndAppend(s *sojourn.Session, v string) {
	l, _ := sojourn.Key[*[]string]("l").SetDefault(s, new([]string))
	*l = append(*l, v)
}

func mark(s *sojourn.Session, key string) {
	_, _ = sojourn.Key[map[string]int]("m").Update(s, func(m map[string]int) map[string]int { m[key] = 1; return m })
}

func TestChangesAreReplayed(t *testing.T) {
	for name, row := range replays {
		t.Run(name, func(t *testing.T) {
			site := newSite(t, nil)
			v := site.visitor()
			v.do(func(s *sojourn.Session) {
				s.Set("-", 0)
				if row.start != nil {
					row.start(s)
				}
			})
			// In another process, or the queue would hand its record over.
			other := v.clone()
			other.site = newSiteOn(t, site.store.Store, nil)
			load := func(s *sojourn.Session) { s.Keys() }
			w := v.during(load, row.mine, func() { other.do(row.theirs) })
			if w.Code != http.StatusOK {
				t.Errorf("status %d", w.Code)
			}
			v.do(func(s *sojourn.Session) {
				s.Delete("-")
				if got := maps.Collect(s.All()); !reflect.DeepEqual(got, row.want) {
					t.Errorf("stored %v, want %v", got, row.want)
				}
			})
		})
	}
}

// A change that made no difference when it was saved must not come back later.
func TestAChangeThatMadeNoDifferenceIsNotReplayed(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	other := v.clone()
	other.site = newSiteOn(t, site.store.Store, nil)
	v.do(func(s *sojourn.Session) {
		s.Set("a", 1)
		if err := s.Save(ctx); err != nil {
			t.Error(err)
		}
		other.do(func(s *sojourn.Session) { s.Set("a", 2) })
		s.Set("b", 1)
	})
	if got := v.get("a"); got != int64(2) {
		t.Errorf("a = %v, want the other request's 2", got)
	}
}

// A value that was set, saved in vain, altered in place and saved again.
func TestAlterationsBetweenTwoSaves(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 0) })
	other := v.clone()
	other.site = newSiteOn(t, site.store.Store, nil)
	v.do(func(s *sojourn.Session) {
		l := &[]string{"set"}
		s.Set("l", l)
		site.store.on(func(op, _ string) error { return fmt.Errorf("refused: %w", sojourn.ErrNotSent) }, nil)
		if err := s.Save(ctx); err == nil {
			t.Error("Save succeeded")
		}
		site.store.on(nil, nil)
		*l = append(*l, "appended")
		other.do(func(s *sojourn.Session) { s.Set("a", 1) })
		if err := s.Save(ctx); err != nil {
			t.Error(err)
		}
	})
	if got := v.get("l"); !reflect.DeepEqual(got, []any{"set", "appended"}) || v.get("a") != int64(1) {
		t.Errorf("l = %v, a = %v", got, v.get("a"))
	}
}

func TestSettingsAreReplayed(t *testing.T) {
	v := newSite(t, nil).visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 0) })
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	v.during(nil, func(s *sojourn.Session) { s.Set("a", 1); s.SetDeadline(at) }, func() {
		v.clone().do(func(s *sojourn.Session) {
			if err := s.SetTimeout(time.Minute); err != nil {
				t.Error(err)
			}
		})
	})
	v.do(func(s *sojourn.Session) {
		if a, _ := s.Get("a"); a != int64(1) || s.Timeout() != time.Minute || !s.Deadline().Equal(at) {
			t.Errorf("a %v, Timeout %v, Deadline %v; want both requests' settings", a, s.Timeout(), s.Deadline())
		}
	})
}

func TestSaveShowsWhatIsStored(t *testing.T) {
	v := newSite(t, nil).visitor()
	v.do(func(s *sojourn.Session) { s.Merge(map[string]any{"n": 1, "x": "old"}) })
	v.during(func(s *sojourn.Session) { _, _ = s.Get("x") }, func(s *sojourn.Session) {
		add(s, 1)
		if err := s.Save(ctx); err != nil {
			t.Fatal(err)
		}
		if n, _ := s.Get("n"); n != int64(12) && n != 12 {
			t.Errorf("n = %v after Save, want 12", n)
		}
		if x, _ := s.Get("x"); x != "new" {
			t.Errorf("x = %v after Save, want the other request's", x)
		}
		add(s, 1) // and from there it goes on
	}, func() {
		v.clone().do(func(s *sojourn.Session) { add(s, 10); s.Set("x", "new") })
	})
	if got := v.get("n"); got != int64(13) {
		t.Errorf("n = %v, want 13", got)
	}
}

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
func TestTheGraveOfARenewedSession(t *testing.T) {
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
		site.store.on(func(op, _ string) error {
			if op == "delete" {
				return errBroken
			}
			return nil
		}, nil)
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
		site.store.on(func(op, _ string) error {
			if op == "swap" {
				return errBroken
			}
			return nil
		}, nil)
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
