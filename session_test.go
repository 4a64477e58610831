package sojourn_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
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

type cart struct {
	Items []string
	Total float64
	Meta  map[string]int
}

func TestValuesKeepTheirTypes(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 30, 15, 123456789, time.FixedZone("", 2*3600))
	v := newSite(t, nil).visitor()
	for _, want := range []any{
		int64(-5), int64(1<<53 + 1), int64(-1 << 63), 1.5, "text", "invalid \xff UTF-8", true, nil,
		[]byte{0, 1, 255}, []any{int64(1), "a", nil}, map[string]any{"k": []any{int64(2)}},
	} {
		t.Run(fmt.Sprintf("%T", want), func(t *testing.T) {
			v.do(func(s *sojourn.Session) { s.Set("v", want) })
			if got := v.get("v"); !reflect.DeepEqual(got, want) {
				t.Errorf("stored %#v, got %#v", want, got)
			}
		})
	}
	v.do(func(s *sojourn.Session) {
		s.Set("at", at)
		s.Set("big", uint64(1<<63))
		s.Set("intkeys", map[int]string{1: "one"})
	})
	if got, ok := v.get("at").(time.Time); !ok || !got.Equal(at) || got.Format(time.RFC3339Nano) != at.Format(time.RFC3339Nano) {
		t.Errorf("a time came back as %v, want %v with offset and nanoseconds", got, at)
	}
	if got := fmt.Sprint(v.get("big")); got != "9223372036854775808" {
		t.Errorf("a uint64 came back as %s", got)
	}
	if got := v.get("intkeys"); !reflect.DeepEqual(got, map[any]any{int64(1): "one"}) {
		t.Errorf("a map with integer keys came back as %#v", got)
	}
}

func testKey[T any](t *testing.T, codec sojourn.Codec, want T) {
	t.Helper()
	key := sojourn.Key[T]("k")
	v := newSite(t, &sojourn.Options{Codec: codec}).visitor()
	v.do(func(s *sojourn.Session) {
		var zero T
		if got, err := key.Get(s); err != nil || !reflect.DeepEqual(got, zero) || key.Has(s) {
			t.Errorf("Get of a missing %T = %v, %v", want, got, err)
		}
		key.Set(s, want)
		if got, err := key.Get(s); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Get after Set = %v, %v; want %v", got, err, want)
		}
	})
	v.do(func(s *sojourn.Session) {
		if got, err := key.Get(s); err != nil || !reflect.DeepEqual(got, want) || !key.Has(s) {
			t.Errorf("%T came back as %#v, %v; want %#v", want, got, err, want)
		}
		if got, err := key.Pop(s); err != nil || !reflect.DeepEqual(got, want) || key.Has(s) {
			t.Errorf("Pop = %#v, %v", got, err)
		}
		key.Set(s, want)
		key.Delete(s)
	})
	v.do(func(s *sojourn.Session) {
		if key.Has(s) {
			t.Error("still there after Delete")
		}
	})
}

func TestKeys(t *testing.T) {
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			testKey(t, codec, 42)
			testKey(t, codec, uint64(1<<63+1))
			testKey(t, codec, int64(1<<53+1))
			testKey(t, codec, "s")
			testKey(t, codec, []byte{0, 255})
			testKey(t, codec, time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC))
			testKey(t, codec, cart{[]string{"a"}, 9.5, map[string]int{"n": 1}})
			testKey(t, codec, &cart{Total: 1})
			testKey(t, codec, map[string]cart{"x": {}})
			testKey(t, codec, [2]bool{true, false})
		})
	}
}

func TestAValueWhoseTypeChangedFailsAlone(t *testing.T) {
	v := newSite(t, nil).visitor()
	v.do(func(s *sojourn.Session) { s.Set("n", "not a number"); s.Set("ok", 7) })
	n, ok := sojourn.Key[int]("n"), sojourn.Key[int]("ok")
	v.do(func(s *sojourn.Session) {
		_, err := n.Get(s)
		var bad *sojourn.ValueError
		if !errors.As(err, &bad) || bad.Key != "n" || bad.Type != reflect.TypeFor[int]() {
			t.Errorf("Get = %v, want a ValueError for n as int", err)
		}
		if _, err := n.Update(s, func(i int) int { t.Error("Update ran on a value of another type"); return i }); !errors.As(err, &bad) {
			t.Errorf("Update = %v, want a ValueError", err)
		}
		if _, err := n.Pop(s); !errors.As(err, &bad) || !n.Has(s) {
			t.Errorf("Pop = %v and the value is there: %v; want a ValueError and the value kept", err, n.Has(s))
		}
		if got, err := ok.Get(s); got != 7 || err != nil {
			t.Errorf("another key = %v, %v; want 7", got, err)
		}
	})
	if got := v.get("n"); got != "not a number" {
		t.Errorf("the value is %v after failed reads", got)
	}
	v.do(func(s *sojourn.Session) { n.Set(s, 3) })
	v.do(func(s *sojourn.Session) {
		if got, err := n.Get(s); got != 3 || err != nil {
			t.Errorf("after Set: %v, %v", got, err)
		}
	})
}

func TestAValueThatCannotBeStoredFailsTheSave(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("kept", 1) })
	w := v.do(func(s *sojourn.Session) {
		s.Set("kept", 2)
		s.Set("func", func() {})
	})
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", w.Code)
	}
	_, errs := site.heard()
	var bad *sojourn.ValueError
	if len(errs) != 1 || !errors.As(errs[0], &bad) || bad.Key != "func" {
		t.Errorf("OnError heard %v, want a ValueError for func", errs)
	}
	if got := v.get("kept"); got != int64(1) {
		t.Errorf("kept = %v: half of a save was done", got)
	}
}

// What could be written but not read again would cost the whole session.
func TestAValueThatIsNestedTooDeeplyIsRefused(t *testing.T) {
	nest := func(levels int) any {
		v := any("[]{}")
		for i := range levels {
			if i%2 == 0 {
				v = []any{v}
			} else {
				v = map[string]any{`"`: v}
			}
		}
		return v
	}
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			v := newSite(t, &sojourn.Options{Codec: codec}).visitor()
			v.do(func(s *sojourn.Session) { s.Set("deep", nest(100)); s.Set("a", 1) })
			if got := v.get("deep"); !reflect.DeepEqual(got, nest(100)) {
				t.Errorf("100 levels came back as %v", got)
			}
			for _, levels := range []int{101, 127, 128, 9999} {
				w := v.do(func(s *sojourn.Session) {
					s.Set("deep", nest(levels))
					var bad *sojourn.ValueError
					if err := s.Save(ctx); !errors.As(err, &bad) || bad.Key != "deep" {
						t.Errorf("%d levels: Save = %v, want a ValueError", levels, err)
					}
				})
				if w.Code != http.StatusOK || v.get("a") != int64(1) {
					t.Errorf("%d levels cost the session", levels)
				}
			}
		})
	}
}

// In each row the second request alters a value in place.
var alterations = map[string]struct {
	set   func(s *sojourn.Session)
	alter func(s *sojourn.Session) error
	want  any
}{
	"a map": {
		func(s *sojourn.Session) { s.Set("v", map[string]any{"a": 1}) },
		func(s *sojourn.Session) error {
			m, err := s.Get("v")
			m.(map[string]any)["b"] = 2
			return err
		},
		map[string]any{"a": int64(1), "b": int64(2)},
	},
	"a list in a map": {
		func(s *sojourn.Session) { s.Set("v", map[string]any{"l": []int{1}}) },
		func(s *sojourn.Session) error {
			v, err := s.Get("v")
			m := v.(map[string]any)
			m["l"] = append(m["l"].([]any), 2)
			return err
		},
		map[string]any{"l": []any{int64(1), int64(2)}},
	},
	"a list behind a pointer": {
		func(s *sojourn.Session) { s.Set("v", []any{1}) },
		func(s *sojourn.Session) error {
			p, err := sojourn.Key[*[]any]("v").Get(s)
			*p = append(*p, 2)
			return err
		},
		[]any{int64(1), int64(2)},
	},
	"an element": {
		func(s *sojourn.Session) { s.Set("v", []string{"a", "b"}) },
		func(s *sojourn.Session) error {
			l, err := sojourn.Key[[]string]("v").Get(s)
			l[1] = "c"
			return err
		},
		[]any{"a", "c"},
	},
	"a field of a struct": {
		func(s *sojourn.Session) { s.Set("v", cart{Items: []string{"x"}}) },
		func(s *sojourn.Session) error {
			c, err := sojourn.Key[*cart]("v").Get(s)
			c.Total = 2
			return err
		},
		map[string]any{"Items": []any{"x"}, "Meta": nil, "Total": 2.0},
	},
	"before it is read as another type": {
		func(s *sojourn.Session) { s.Set("v", []int{1}) },
		func(s *sojourn.Session) error {
			l, err := sojourn.Key[[]int]("v").Get(s)
			if err != nil {
				return err
			}
			l[0] = 5
			_, err = s.Get("v") // []int still
			if err == nil {
				_, err = sojourn.Key[[]int64]("v").Get(s)
			}
			return err
		},
		[]any{int64(5)},
	},
}

func TestAlterationsInPlaceAreFound(t *testing.T) {
	for name, row := range alterations {
		t.Run(name, func(t *testing.T) {
			v := newSite(t, nil).visitor()
			v.do(row.set)
			v.do(func(s *sojourn.Session) {
				if err := row.alter(s); err != nil {
					t.Error(err)
				}
			})
			if got := v.get("v"); !reflect.DeepEqual(got, row.want) {
				t.Errorf("stored %#v, want %#v", got, row.want)
			}
		})
	}
}

func TestNoChangeDetection(t *testing.T) {
	site := newSite(t, &sojourn.Options{NoChangeDetection: true})
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("v", map[string]any{"a": 1}) })
	alter := func(s *sojourn.Session) {
		m, _ := s.Get("v")
		m.(map[string]any)["b"] = 2
	}
	site.store.count()
	v.do(alter)
	if got := site.store.count(); got["swap"] != 0 {
		t.Errorf("calls %v: an alteration was looked for", got)
	}
	v.do(func(s *sojourn.Session) { alter(s); s.Changed() })
	if got := v.get("v"); !reflect.DeepEqual(got, map[string]any{"a": int64(1), "b": int64(2)}) {
		t.Errorf("after Changed: %v", got)
	}
}

func TestWhatDiffersInNothingIsNotWritten(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1); s.Set("m", map[string]int{"x": 1, "y": 2}) })
	site.store.count()
	v.do(func(s *sojourn.Session) {
		s.Set("a", 1)
		s.Set("m", map[string]int{"y": 2, "x": 1})
		s.Set("b", 2)
		s.Delete("b")
		_, _ = s.PopFlash("")
	})
	if got := site.store.count(); !maps.Equal(got, map[string]int{"load": 1}) {
		t.Errorf("calls %v, want one load", got)
	}
	v.do(func(s *sojourn.Session) { s.Changed() })
	if got := site.store.count(); !maps.Equal(got, map[string]int{"load": 1, "swap": 1}) {
		t.Errorf("calls with Changed %v, want a load and a swap", got)
	}
}

func TestFlash(t *testing.T) {
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			v := newSite(t, &sojourn.Options{Codec: codec}).visitor()
			v.do(func(s *sojourn.Session) {
				for _, flash := range []func() error{
					func() error { return s.Flash("", "saved") },
					func() error { return s.Flash("", "saved") },
					func() error { return s.FlashOnce("", "saved") },
					func() error { return s.FlashOnce("", map[string]any{"level": "high", "n": 1}) },
					func() error { return s.FlashOnce("", map[string]any{"n": 1, "level": "high"}) },
					func() error { return s.Flash("errors", "bad") },
				} {
					if err := flash(); err != nil {
						t.Error(err)
					}
				}
			})
			want := []any{"saved", "saved", map[string]any{"level": "high", "n": int64(1)}}
			v.do(func(s *sojourn.Session) {
				if err := s.FlashOnce("", map[string]any{"level": "high", "n": 1}); err != nil {
					t.Error(err)
				}
				for range 2 {
					if got, err := s.PeekFlash(""); err != nil || !reflect.DeepEqual(got, want) {
						t.Errorf("PeekFlash = %v, %v; want %v", got, err, want)
					}
				}
			})
			v.do(func(s *sojourn.Session) {
				if got, err := s.PopFlash(""); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("PopFlash = %v, %v; want %v", got, err, want)
				}
				if got, err := s.PopFlash(""); err != nil || len(got) != 0 || s.Has("_f_") {
					t.Errorf("PopFlash again = %v, %v, still there: %v; want none", got, err, s.Has("_f_"))
				}
			})
			v.do(func(s *sojourn.Session) {
				if got, _ := s.PeekFlash(""); len(got) != 0 {
					t.Errorf("popped messages are back: %v", got)
				}
				if got, _ := s.PeekFlash("errors"); !reflect.DeepEqual(got, []any{"bad"}) {
					t.Errorf("the other queue holds %v, want bad", got)
				}
				if err := s.Flash("", make(chan int)); err == nil {
					t.Error("Flash took a channel")
				}
				if got, err := sojourn.Key[[]string]("_f_errors").Pop(s); err != nil || !slices.Equal(got, []string{"bad"}) {
					t.Errorf("the queue as a typed key = %v, %v", got, err)
				}
			})
		})
	}
}

func TestCSRFToken(t *testing.T) {
	v := newSite(t, nil).visitor()
	var token string
	v.do(func(s *sojourn.Session) {
		if s.VerifyCSRFToken("") {
			t.Error("a session without a token accepts the empty one")
		}
		token = s.CSRFToken()
		if len(token) < 43 || s.CSRFToken() != token {
			t.Errorf("CSRFToken = %q, then %q; want one of 256 bits that stays", token, s.CSRFToken())
		}
	})
	v.do(func(s *sojourn.Session) {
		if !s.VerifyCSRFToken(token) || s.VerifyCSRFToken(token+"x") || s.VerifyCSRFToken("") {
			t.Error("VerifyCSRFToken must accept the token and nothing else")
		}
		if next := s.NewCSRFToken(); next == token || s.CSRFToken() != next || s.VerifyCSRFToken(token) {
			t.Error("NewCSRFToken must replace the token")
		}
	})
	v.do(func(s *sojourn.Session) {
		s.Set("_csrft_", "")
		if s.VerifyCSRFToken("") || s.CSRFToken() == "" {
			t.Error("an empty token was taken for one")
		}
	})
	other := v.site.visitor()
	other.do(func(s *sojourn.Session) {
		if s.CSRFToken() == token || s.VerifyCSRFToken(token) {
			t.Error("a token is worth something in another session")
		}
	})
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
