package sojourn_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

var ctx = context.Background()

// codecs are those under which sessions must behave alike.
var codecs = map[string]sojourn.Codec{
	"CBOR":   sojourn.CBOR,
	"JSON":   sojourn.JSON,
	"custom": valueOnly{sojourn.JSON},
}

// valueOnly is a codec of one's own: it has no envelope.
type valueOnly struct{ sojourn.Codec }

func TestValues(t *testing.T) {
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			v := newSite(t, &sojourn.Options{Codec: codec}).visitor()
			v.do(func(s *sojourn.Session) {
				if got, err := s.Get("a"); got != nil || err != nil {
					t.Errorf("Get of a missing key = %v, %v; want nil, nil", got, err)
				}
				s.Set("a", 1)
				s.Merge(map[string]any{"b": "two", "c": true})
				if !s.Has("a") || s.Has("z") || s.Len() != 3 {
					t.Errorf("Has(a), Has(z), Len = %v, %v, %d; want true, false, 3", s.Has("a"), s.Has("z"), s.Len())
				}
			})
			v.do(func(s *sojourn.Session) {
				want := map[string]any{"a": int64(1), "b": "two", "c": true}
				if got := maps.Collect(s.All()); !reflect.DeepEqual(got, want) {
					t.Errorf("All = %v, want %v", got, want)
				}
				if got := slices.Collect(s.Values()); !reflect.DeepEqual(got, []any{int64(1), "two", true}) {
					t.Errorf("Values = %v", got)
				}
				if got := s.Keys(); !slices.Equal(got, []string{"a", "b", "c"}) {
					t.Errorf("Keys = %v", got)
				}
				if got, err := s.SetDefault("a", 9); got != int64(1) || err != nil {
					t.Errorf("SetDefault of a key that is there = %v, %v; want 1", got, err)
				}
				if got, err := s.SetDefault("d", "new"); got != "new" || err != nil {
					t.Errorf("SetDefault of a missing key = %v, %v; want new", got, err)
				}
				if got, err := s.Pop("b"); got != "two" || err != nil || s.Has("b") {
					t.Errorf("Pop = %v, %v, still there: %v", got, err, s.Has("b"))
				}
				s.Delete("c")
				s.Delete("never there")
			})
			v.do(func(s *sojourn.Session) {
				if got := s.Keys(); !slices.Equal(got, []string{"a", "d"}) {
					t.Errorf("Keys = %v, want a and d", got)
				}
				seen := map[string]any{}
				for {
					k, value, ok, err := s.PopItem()
					if err != nil {
						t.Fatal(err)
					}
					if !ok {
						break
					}
					seen[k] = value
				}
				if want := map[string]any{"a": int64(1), "d": "new"}; !reflect.DeepEqual(seen, want) || s.Len() != 0 {
					t.Errorf("PopItem gave %v and left %d, want %v", seen, s.Len(), want)
				}
			})
			v.do(func(s *sojourn.Session) {
				if s.New() || s.Len() != 0 {
					t.Errorf("a session that was emptied: New %v, Len %d; want it to go on, empty", s.New(), s.Len())
				}
				s.Merge(map[string]any{"x": 1, "y": 2})
			})
			v.do(func(s *sojourn.Session) {
				s.Clear()
				if s.Len() != 0 {
					t.Errorf("Len after Clear = %d", s.Len())
				}
			})
			v.do(func(s *sojourn.Session) {
				if s.Len() != 0 {
					t.Errorf("Len after Clear, in the next request = %d", s.Len())
				}
			})
		})
	}
}

func TestIDs(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) {
		if s.ID() != "" {
			t.Error("ID made one")
		}
	})
	if v.cookie() != "" || len(site.store.count()) != 0 {
		t.Error("asking for the id stored something")
	}
	var id string
	v.do(func(s *sojourn.Session) {
		var err error
		if id, err = s.EnsureID(); err != nil || len(id) != 43 || s.ID() != id {
			t.Errorf("EnsureID = %q, %v; ID = %q", id, err, s.ID())
		}
	})
	v.do(func(s *sojourn.Session) {
		if s.ID() != id || s.New() || s.Len() != 0 {
			t.Errorf("an empty session with EnsureID was not stored under that id")
		}
	})
}

func TestCreatedAndNew(t *testing.T) {
	v := newSite(t, nil).visitor()
	var created time.Time
	before := time.Now().Add(-time.Second)
	v.do(func(s *sojourn.Session) {
		s.Set("a", 1)
		created = s.Created()
		if !s.New() || created.Before(before) || created.After(time.Now()) {
			t.Errorf("New %v, Created %v", s.New(), created)
		}
	})
	v.do(func(s *sojourn.Session) {
		if s.New() || !s.Created().Equal(created) {
			t.Errorf("in the next request: New %v, Created %v, want %v", s.New(), s.Created(), created)
		}
		_ = s.Renew()
	})
	v.do(func(s *sojourn.Session) {
		if s.New() || !s.Created().Equal(created) {
			t.Errorf("after Renew: New %v, Created %v, want %v", s.New(), s.Created(), created)
		}
	})
}

func TestOneSessionInSeveralGoroutines(t *testing.T) {
	v := newSite(t, nil).visitor()
	n := sojourn.Key[int]("n")
	v.do(func(s *sojourn.Session) { s.Set("n", 0) })
	v.do(func(s *sojourn.Session) {
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				if _, err := n.Update(s, func(n int) int { return n + 1 }); err != nil {
					t.Error(err)
				}
				s.Set(fmt.Sprint("k", i), i)
				for range s.All() {
				}
				_ = s.Flash("", i)
				s.CSRFToken()
				if i%8 == 0 {
					if err := s.Save(ctx); err != nil {
						t.Error(err)
					}
				}
				_, _ = s.Timeout(), s.Len()
			})
		}
		wg.Wait()
	})
	v.do(func(s *sojourn.Session) {
		if got, _ := n.Get(s); got != 32 || s.Len() != 32+3 {
			t.Errorf("n = %d and %d values, want 32 and 35", got, s.Len())
		}
		if got, _ := s.PeekFlash(""); len(got) != 32 {
			t.Errorf("%d messages, want 32", len(got))
		}
	})
}
