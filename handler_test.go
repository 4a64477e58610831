package sojourn_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sojourn-go/sojourn"
)

func TestWithoutTheMiddleware(t *testing.T) {
	site, other := newSite(t, nil), newSite(t, nil)
	r := site.visitor().request()
	for range 2 {
		if s, err := site.Get(r); s != nil || !errors.Is(err, sojourn.ErrNoMiddleware) {
			t.Errorf("Get = %v, %v; want ErrNoMiddleware", s, err)
		}
	}
	site.visitor().serve(func(w http.ResponseWriter, r *http.Request) {
		if _, err := other.Get(r); !errors.Is(err, sojourn.ErrNoMiddleware) {
			t.Errorf("Get of another manager = %v, want ErrNoMiddleware", err)
		}
	})
}

func TestSeveralManagers(t *testing.T) {
	store := memstoreFor(t)
	shop := newSiteOn(t, store, &sojourn.Options{Cookie: sojourn.Cookie{Name: "shop"}})
	admin := newSiteOn(t, store, &sojourn.Options{Cookie: sojourn.Cookie{Name: "admin", Path: "/admin"}})
	v := shop.visitor()
	both := func(fn func(a, b *sojourn.Session)) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		shop.Handler(admin.Handler(shop.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a, err := shop.Get(r)
			if err != nil {
				t.Fatal(err)
			}
			b, err := admin.Get(r)
			if err != nil {
				t.Fatal(err)
			}
			fn(a, b)
		})))).ServeHTTP(w, v.request())
		v.keep(w.Result())
		return w
	}
	both(func(a, b *sojourn.Session) { a.Set("x", "shop"); b.Set("x", "admin") })
	if len(v.cookies) != 2 {
		t.Fatalf("cookies %v, want two", v.cookies)
	}
	both(func(a, b *sojourn.Session) {
		x, _ := a.Get("x")
		y, _ := b.Get("x")
		if x != "shop" || y != "admin" {
			t.Errorf("x = %v and %v", x, y)
		}
		b.Invalidate()
	})
	both(func(a, b *sojourn.Session) {
		if a.New() || !b.New() {
			t.Errorf("after one was ended: New = %v, %v; want false, true", a.New(), b.New())
		}
	})
	// A cookie is worth nothing under another manager's name.
	v.cookies["admin"] = &http.Cookie{Name: "admin", Value: v.cookies["shop"].Value}
	both(func(a, b *sojourn.Session) {
		if !b.New() {
			t.Error("one manager took the other's cookie")
		}
	})
}

func TestNothingIsAskedOfTheStoreUnlessTheSessionIsUsed(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	site.store.count()
	for name, start := range beginnings {
		if w := v.serve(func(w http.ResponseWriter, r *http.Request) { start(w) }); len(w.Result().Cookies()) != 0 || w.Header().Get("Vary") != "" {
			t.Errorf("%s: header %v", name, w.Header())
		}
	}
	stranger := site.visitor()
	if w := stranger.do(func(s *sojourn.Session) { s.Keys(); s.ID() }); len(w.Result().Cookies()) != 0 {
		t.Errorf("a visitor who stores nothing gets %v", w.Result().Cookies())
	}
	if got := site.store.count(); len(got) != 0 {
		t.Errorf("the store was asked: %v", got)
	}
}

func TestTheMiddlewareTwiceIsOne(t *testing.T) {
	site := newSite(t, nil)
	var outer *sojourn.Session
	w := httptest.NewRecorder()
	site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outer, _ = site.Get(r)
		site.Handler(site.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			if s != outer {
				t.Error("the inner handler has another session")
			}
			s.Set("a", 1)
		})).ServeHTTP(w, r)
	})).ServeHTTP(w, site.visitor().request())
	if got := w.Header().Values("Set-Cookie"); len(got) != 1 {
		t.Errorf("Set-Cookie %q, want one", got)
	}
}
