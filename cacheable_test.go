package sojourn_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestResponsesWithTheCookieAreNotCached(t *testing.T) {
	for _, row := range []struct {
		vary, control          string
		wantVary, wantControls string
	}{
		{"", "", "Cookie", "no-store"},
		{"Accept", "private", "Accept,Cookie", "private"},
		{"accept, cookie", "no-cache", "accept, cookie", "no-cache"},
		{"*", "", "*", "no-store"},
	} {
		w := newSite(t, nil).visitor().serveSetting(func(w http.ResponseWriter) {
			if row.vary != "" {
				w.Header().Set("Vary", row.vary)
			}
			if row.control != "" {
				w.Header().Set("Cache-Control", row.control)
			}
		})
		if got := strings.Join(w.Header().Values("Vary"), ","); got != row.wantVary {
			t.Errorf("Vary %q became %q, want %q", row.vary, got, row.wantVary)
		}
		if got := w.Header().Get("Cache-Control"); got != row.wantControls {
			t.Errorf("Cache-Control %q became %q, want %q", row.control, got, row.wantControls)
		}
	}
}

// serveSetting sets a value, after the handler's own headers.
func (v *visitor) serveSetting(head func(w http.ResponseWriter)) *httptest.ResponseRecorder {
	return v.serve(func(w http.ResponseWriter, r *http.Request) {
		s, err := v.site.Get(r)
		if err != nil {
			v.site.t.Error(err)
			return
		}
		s.Set("a", time.Now())
		head(w)
	})
}

func TestCookiesStayOffCacheableResponses(t *testing.T) {
	cacheable := func(w http.ResponseWriter) { w.Header().Set("Cache-Control", "public, max-age=60") }
	site := newSite(t, nil)
	v := site.visitor()
	w := v.serveSetting(cacheable)
	if _, errs := site.heard(); w.Header().Get("Set-Cookie") != "" || w.Header().Get("Vary") != "" || w.Code != http.StatusOK ||
		len(errs) != 1 || !errors.Is(errs[0], sojourn.ErrNotDelivered) || site.store.count()["create"] != 0 {
		t.Errorf("header %v, OnError %v; want no cookie, no record, and ErrNotDelivered", w.Header(), errs)
	}
	v.do(func(s *sojourn.Session) { s.Set("b", 1) })
	v.serveSetting(cacheable)
	if got := v.get("a"); got == nil {
		t.Error("a session that needs no new cookie was not saved")
	}
	old := v.cookie()
	w = v.serve(func(w http.ResponseWriter, r *http.Request) {
		s, _ := site.Get(r)
		s.Set("user", "ada")
		_ = s.Renew()
		cacheable(w)
	})
	if _, errs := site.heard(); w.Code != http.StatusInternalServerError || len(errs) != 1 || !errors.Is(errs[0], sojourn.ErrNotDelivered) {
		t.Errorf("a renewal on a cacheable response: %d, OnError %v; want 500 and ErrNotDelivered", w.Code, errs)
	}
	if v.get("user") != nil || v.cookie() != old {
		t.Error("a renewal that could not be delivered was saved")
	}
	w = v.serve(func(w http.ResponseWriter, r *http.Request) {
		s, _ := site.Get(r)
		s.Invalidate()
		cacheable(w)
	})
	if w.Header().Get("Set-Cookie") != "" || v.get("b") != nil {
		t.Errorf("Set-Cookie %q, b = %v; want the session ended and its cookie left alone", w.Header().Get("Set-Cookie"), v.get("b"))
	}

	t.Run("by a hook of one's own", func(t *testing.T) {
		site := newSite(t, &sojourn.Options{AllowCookie: func(h http.Header, status int) bool {
			return h.Get("X-Static") == "" && status != http.StatusTeapot
		}})
		for _, row := range []struct {
			head func(w http.ResponseWriter)
			want bool
		}{
			{cacheable, true},
			{func(w http.ResponseWriter) { w.Header().Set("X-Static", "1") }, false},
			{func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) }, false},
		} {
			if w := site.visitor().serveSetting(row.head); (w.Header().Get("Set-Cookie") != "") != row.want {
				t.Errorf("Set-Cookie %q, want one: %v", w.Header().Get("Set-Cookie"), row.want)
			}
		}
	})
	t.Run("after Save", func(t *testing.T) {
		site := newSite(t, nil)
		w := site.visitor().serve(func(w http.ResponseWriter, r *http.Request) {
			s, _ := site.Get(r)
			s.Set("a", 1)
			if err := s.Save(ctx); err != nil {
				t.Error(err)
			}
			cacheable(w)
		})
		if _, errs := site.heard(); w.Header().Get("Set-Cookie") != "" || len(errs) != 1 || !errors.Is(errs[0], sojourn.ErrNotDelivered) {
			t.Errorf("Set-Cookie %q, OnError %v; want none, and ErrNotDelivered", w.Header().Get("Set-Cookie"), errs)
		}
	})
}

func TestUncacheable(t *testing.T) {
	future := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for _, row := range []struct {
		header map[string]string
		want   bool
	}{
		{nil, true},
		{map[string]string{"Cache-Control": "no-cache"}, true},
		{map[string]string{"Cache-Control": "no-store, max-age=60"}, true},
		{map[string]string{"Cache-Control": "Private, Max-Age=60"}, true},
		{map[string]string{"Cache-Control": `private="x-field", max-age=60`}, false},
		{map[string]string{"Cache-Control": "max-age=0, must-revalidate"}, true},
		{map[string]string{"Cache-Control": "max-age=60"}, false},
		{map[string]string{"Cache-Control": "max-age=junk"}, false},
		{map[string]string{"Cache-Control": "PUBLIC"}, false},
		{map[string]string{"Cache-Control": "max-age=0, s-maxage=60"}, false},
		{map[string]string{"Cdn-Cache-Control": "max-age=60"}, false},
		{map[string]string{"Cdn-Cache-Control": "no-store", "Cache-Control": "max-age=60"}, false},
		{map[string]string{"Surrogate-Control": "max-age=60", "Cache-Control": "private"}, false},
		{map[string]string{"Expires": future}, false},
		{map[string]string{"Expires": "0"}, true},
		{map[string]string{"Expires": future, "Cache-Control": "private"}, true},
	} {
		h := http.Header{}
		for k, v := range row.header {
			h.Set(k, v)
		}
		if got := sojourn.Uncacheable(h, http.StatusOK); got != row.want {
			t.Errorf("Uncacheable(%v) = %v, want %v", row.header, got, row.want)
		}
	}
}

func TestNoCookieOnError(t *testing.T) {
	fail := func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }
	for _, off := range []bool{false, true} {
		site := newSite(t, &sojourn.Options{NoCookieOnError: off})
		if w := site.visitor().serveSetting(fail); (w.Header().Get("Set-Cookie") == "") != off {
			t.Errorf("NoCookieOnError %v: a 500 carries Set-Cookie %q", off, w.Header().Get("Set-Cookie"))
		}
		w := httptest.NewRecorder()
		func() {
			defer func() { _ = recover() }()
			site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s, _ := site.Get(r)
				s.Set("a", 1)
				panic("oops")
			})).ServeHTTP(w, site.visitor().request())
		}()
		if (w.Header().Get("Set-Cookie") == "") != off {
			t.Errorf("NoCookieOnError %v: after a panic Set-Cookie is %q", off, w.Header().Get("Set-Cookie"))
		}
		if got := site.store.count()["create"]; (got == 0) != off {
			t.Errorf("NoCookieOnError %v: %d records were made", off, got)
		}
		if _, errs := site.heard(); len(errs) != 0 {
			t.Errorf("NoCookieOnError %v: OnError %v", off, errs)
		}
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Set("b", 1) })
		v.serveSetting(fail)
		if v.get("a") == nil {
			t.Errorf("NoCookieOnError %v: a session that needs no new cookie was not saved", off)
		}
		// A renewal that cannot be delivered must not save the login.
		v.serve(func(w http.ResponseWriter, r *http.Request) {
			s, _ := site.Get(r)
			s.Set("user", "ada")
			_ = s.Renew()
			fail(w)
		})
		if got := v.get("user"); (got == nil) != off {
			t.Errorf("NoCookieOnError %v: user = %v after a renewal on a 500", off, got)
		}
		if _, errs := site.heard(); (len(errs) == 1) != off {
			t.Errorf("NoCookieOnError %v: OnError %v for the renewal", off, errs)
		}
		if w := v.serve(func(w http.ResponseWriter, r *http.Request) {
			s, _ := site.Get(r)
			s.SendCookie()
			fail(w)
		}); (w.Header().Get("Set-Cookie") == "") != off {
			t.Errorf("NoCookieOnError %v: SendCookie on a 500 gave %q", off, w.Header().Get("Set-Cookie"))
		}
	}
}
