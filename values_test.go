package sojourn_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

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
