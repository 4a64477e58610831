package sojourn_test

import (
	"maps"
	"reflect"
	"testing"

	"github.com/sojourn-go/sojourn"
)

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
