package sojourn_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/sojourn-go/sojourn"
)

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
