package sojourn_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

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

// What would lose something by being merged is not: the last one wins.
func TestNothingIsMergedAtTheCostOfItsValue(t *testing.T) {
	const big = "123456789012345678901234567890"
	type list = []json.Number
	key := sojourn.Key[*list]("l")
	site := newSite(t, &sojourn.Options{Codec: sojourn.JSON})
	v := site.visitor()
	v.do(func(s *sojourn.Session) { key.Set(s, &list{big}) })
	appendNumber := func(n json.Number) func(s *sojourn.Session) {
		return func(s *sojourn.Session) {
			l, err := key.Get(s)
			if err != nil {
				t.Fatal(err)
			}
			*l = append(*l, n)
		}
	}
	other := v.clone()
	other.site = newSiteOn(t, site.store.Store, &sojourn.Options{Codec: sojourn.JSON})
	v.during(nil, appendNumber("1"), func() { other.do(appendNumber("2")) })
	v.do(func(s *sojourn.Session) {
		if l, err := key.Get(s); err != nil || !slices.Equal(*l, list{big, "1"}) {
			t.Errorf("%v, %v; want the last one's list, with its number whole", l, err)
		}
	})
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
