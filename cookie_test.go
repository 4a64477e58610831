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

// setCookie returns the Set-Cookie header of a request that stores something.
func setCookie(t *testing.T, opts *sojourn.Options, act func(s *sojourn.Session)) string {
	t.Helper()
	w := newSite(t, opts).visitor().do(func(s *sojourn.Session) {
		s.Set("a", 1)
		if act != nil {
			act(s)
		}
	})
	headers := w.Header().Values("Set-Cookie")
	if len(headers) != 1 {
		t.Fatalf("Set-Cookie %q, want one", headers)
	}
	name, rest, _ := strings.Cut(headers[0], "=")
	_, attributes, _ := strings.Cut(rest, ";")
	return name + "=…;" + attributes
}

func TestCookieAttributes(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, row := range []struct {
		name   string
		cookie sojourn.Cookie
		act    func(s *sojourn.Session)
		want   string
	}{
		{"defaults", sojourn.Cookie{}, nil, "__Host-session=…; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"insecure", sojourn.Cookie{Insecure: true}, nil, "session=…; Path=/; HttpOnly; SameSite=Lax"},
		{"path", sojourn.Cookie{Path: "/app"}, nil, "__Secure-session=…; Path=/app; HttpOnly; Secure; SameSite=Lax"},
		{"domain", sojourn.Cookie{Domain: "example.com"}, nil, "__Secure-session=…; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax"},
		{"name", sojourn.Cookie{Name: "sid"}, nil, "sid=…; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"scripts", sojourn.Cookie{AllowScripts: true}, nil, "__Host-session=…; Path=/; Secure; SameSite=Lax"},
		{"strict", sojourn.Cookie{SameSite: http.SameSiteStrictMode}, nil, "__Host-session=…; Path=/; HttpOnly; Secure; SameSite=Strict"},
		{"none, partitioned", sojourn.Cookie{SameSite: http.SameSiteNoneMode, Partitioned: true}, nil, "__Host-session=…; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"},
		{"max-age", sojourn.Cookie{MaxAge: time.Hour}, nil, "__Host-session=…; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		{"expires", sojourn.Cookie{Expires: at}, nil, "__Host-session=…; Path=/; Expires=Wed, 02 Jan 2030 03:04:05 GMT; HttpOnly; Secure; SameSite=Lax"},
		{"own max-age", sojourn.Cookie{MaxAge: time.Hour}, func(s *sojourn.Session) { _ = s.SetCookieMaxAge(time.Minute) }, "__Host-session=…; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax"},
		{"own max-age: never", sojourn.Cookie{MaxAge: time.Hour}, func(s *sojourn.Session) { _ = s.SetCookieMaxAge(sojourn.Never) }, "__Host-session=…; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"own expires", sojourn.Cookie{}, func(s *sojourn.Session) { s.SetCookieExpires(at) }, "__Host-session=…; Path=/; Expires=Wed, 02 Jan 2030 03:04:05 GMT; HttpOnly; Secure; SameSite=Lax"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := setCookie(t, &sojourn.Options{Cookie: row.cookie}, row.act); got != row.want {
				t.Errorf("Set-Cookie: %s\nwant        %s", got, row.want)
			}
		})
	}
}

func TestTheCookieIsDeletedWithItsAttributes(t *testing.T) {
	site := newSite(t, &sojourn.Options{Cookie: sojourn.Cookie{Name: "sid", Path: "/app", Domain: "example.com", SameSite: http.SameSiteNoneMode, Partitioned: true, MaxAge: time.Hour}})
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	w := v.do(func(s *sojourn.Session) { s.Invalidate() })
	want := "sid=; Path=/app; Domain=example.com; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=None; Partitioned"
	if got := w.Header().Get("Set-Cookie"); got != want {
		t.Errorf("Set-Cookie: %s\nwant        %s", got, want)
	}
	if w := site.visitor().do(func(s *sojourn.Session) { s.Invalidate() }); w.Header().Get("Set-Cookie") != "" {
		t.Error("a visitor without a cookie is told to delete it")
	}
}

func TestTheCookieIsSentWhenItMust(t *testing.T) {
	site := newSite(t, &sojourn.Options{Cookie: sojourn.Cookie{MaxAge: time.Hour}})
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	for _, row := range []struct {
		name string
		act  func(s *sojourn.Session)
		want bool
	}{
		{"reading", func(s *sojourn.Session) { _, _ = s.Get("a") }, false},
		{"writing", func(s *sojourn.Session) { s.Set("a", s.Len()) }, false},
		{"SendCookie", func(s *sojourn.Session) { s.SendCookie() }, true},
		{"SetCookieMaxAge", func(s *sojourn.Session) { _ = s.SetCookieMaxAge(2 * time.Hour) }, true},
		{"Renew", func(s *sojourn.Session) { _ = s.Renew() }, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			if w := v.do(row.act); (w.Header().Get("Set-Cookie") != "") != row.want {
				t.Errorf("Set-Cookie: %q, want one: %v", w.Header().Get("Set-Cookie"), row.want)
			}
		})
	}
	// A Max-Age of its own stays with the session.
	if w := v.do(func(s *sojourn.Session) { _ = s.Renew() }); !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=7200") {
		t.Errorf("after Renew: %s; want the session's own Max-Age", w.Header().Get("Set-Cookie"))
	}
	if w := site.visitor().do(func(s *sojourn.Session) { s.SendCookie() }); w.Header().Get("Set-Cookie") != "" {
		t.Error("SendCookie made a session")
	}
}

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

func TestCookieConfigurationIsChecked(t *testing.T) {
	for _, row := range []struct {
		cookie sojourn.Cookie
		want   []string
	}{
		{sojourn.Cookie{Name: "a b"}, []string{"Cookie", "name"}},
		{sojourn.Cookie{Name: strings.Repeat("x", 300)}, []string{"Name", "256"}},
		{sojourn.Cookie{Path: "app"}, []string{"Path", `"app"`, `"/"`}},
		{sojourn.Cookie{Path: "/a;b"}, []string{"Path"}},
		{sojourn.Cookie{Path: "/" + strings.Repeat("x", 2000)}, []string{"Path", "1024"}},
		{sojourn.Cookie{Domain: "exa mple"}, []string{"Domain"}},
		{sojourn.Cookie{Domain: ".example.com"}, []string{"Domain", `".example.com"`, "dot"}},
		{sojourn.Cookie{Name: "__Host-x", Insecure: true}, []string{"Insecure", "__Host-x"}},
		{sojourn.Cookie{Name: "__Secure-x", Insecure: true}, []string{"Insecure", "__Secure-x"}},
		{sojourn.Cookie{Name: "__hOsT-x", Insecure: true}, []string{"Insecure", "__hOsT-x"}},
		{sojourn.Cookie{Name: "__Host-x", Domain: "example.com"}, []string{"Domain", "__Host-x"}},
		{sojourn.Cookie{Name: "__Host-x", Path: "/app"}, []string{"Path", "__Host-x"}},
		{sojourn.Cookie{SameSite: http.SameSiteNoneMode, Insecure: true}, []string{"SameSite", "None", "Insecure"}},
		{sojourn.Cookie{SameSite: http.SameSiteDefaultMode}, []string{"SameSite", "1"}},
		{sojourn.Cookie{SameSite: 9}, []string{"SameSite", "9"}},
		{sojourn.Cookie{Partitioned: true, Insecure: true}, []string{"Partitioned", "Insecure"}},
		{sojourn.Cookie{MaxAge: -time.Hour}, []string{"MaxAge", "-1h"}},
		{sojourn.Cookie{MaxAge: time.Millisecond}, []string{"MaxAge", "1ms"}},
	} {
		_, err := sojourn.New(memstoreFor(t), secret, &sojourn.Options{Cookie: row.cookie})
		if err == nil {
			t.Errorf("%+v was accepted", row.cookie)
			continue
		}
		for _, part := range row.want {
			if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(part)) {
				t.Errorf("%+v: error %q does not name %s", row.cookie, err, part)
			}
		}
	}
}

func TestSignatures(t *testing.T) {
	store := memstoreFor(t)
	newWith := func(secret string, opts sojourn.Options) *site {
		t.Helper()
		opts.OnInvalid = func(*http.Request, *sojourn.InvalidError) {}
		s := newSiteOn(t, store, &opts)
		m, err := sojourn.New(s.store, secret, &opts)
		if err != nil {
			t.Fatal(err)
		}
		s.Manager = m
		return s
	}
	const one, two = "first-secret-0123456789", "second-secret-0123456789"
	v := newWith(one, sojourn.Options{}).visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })

	v.site = newWith(two, sojourn.Options{OldSecrets: []string{one}})
	if v.get("a") != int64(1) {
		t.Fatal("a cookie signed with an old secret is refused")
	}
	v.do(func(s *sojourn.Session) { s.Set("a", 2); s.SendCookie() })
	v.site = newWith(two, sojourn.Options{})
	if v.get("a") != int64(2) {
		t.Error("what is written now is not signed with the first secret")
	}
	v.site = newWith(one, sojourn.Options{})
	v.site.store.count()
	if v.get("a") != nil || len(v.site.store.count()) != 0 {
		t.Error("a cookie signed with another secret was taken to the store")
	}

	v.site = newWith(two, sojourn.Options{})
	good := v.cookie()
	name := "__Host-session"
	for what, value := range map[string]string{
		"empty":             "",
		"id alone":          good[43:],
		"MAC alone":         good[:43],
		"first byte":        flip(good, 0),
		"last byte of MAC":  flip(good, 42), // base64 has bits to spare there
		"first byte of id":  flip(good, 43),
		"last byte of id":   flip(good, len(good)-1),
		"shortened":         good[:len(good)-1],
		"prolonged":         good + "A",
		"a hint":            good + "~zzz",
		"CRLF":              good + "\r\nX: y",
		"NUL":               good[:60] + "\x00" + good[61:],
		"huge":              strings.Repeat("A", 1<<20),
		"chosen by a rogue": "my-own-id",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", name+"="+value)
		v.site.store.count()
		v.site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := v.site.Get(r)
			if err != nil || !s.New() || s.ID() != "" {
				t.Errorf("%s: %v, New %v", what, err, s.New())
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
		if got := v.site.store.count(); len(got) != 0 {
			t.Errorf("%s: the store was asked: %v", what, got)
		}
	}
}

func flip(s string, i int) string {
	c := byte('A')
	if s[i] == 'A' {
		c = 'B'
	}
	return s[:i] + string(c) + s[i+1:]
}

func TestIDsInURLsAndFormsAreIgnored(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	r := httptest.NewRequest("POST", "/?__Host-session="+v.cookie(), strings.NewReader("__Host-session="+v.cookie()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("__Host-session", v.cookie())
	site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, err := site.Get(r); err != nil || !s.New() {
			t.Errorf("New %v, %v", s.New(), err)
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
}

func TestSeveralCookiesOfOneName(t *testing.T) {
	site := newSite(t, nil)
	v, ended := site.visitor(), site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	ended.do(func(s *sojourn.Session) { s.Set("a", 2) })
	stale := ended.cookie()
	ended.do(func(s *sojourn.Session) { s.Invalidate() })
	get := func(values ...string) (a any) {
		r := httptest.NewRequest("GET", "/", nil)
		for _, value := range values {
			r.AddCookie(&http.Cookie{Name: "__Host-session", Value: value})
		}
		site.Handler(site.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			a, _ = s.Get("a")
		})).ServeHTTP(httptest.NewRecorder(), r)
		return a
	}
	site.heard()
	if got := get("garbage", stale, v.cookie()); got != int64(1) {
		t.Errorf("a = %v: the good cookie behind two bad ones was not found", got)
	}
	if invalid, _ := site.heard(); len(invalid) != 0 {
		t.Errorf("OnInvalid %v, although there is a session", invalid)
	}
	if got := get("garbage", stale, "garbage"); got != nil {
		t.Errorf("a = %v", got)
	}
	if invalid, _ := site.heard(); len(invalid) != 1 || invalid[0].Reason != sojourn.ErrNotFound {
		t.Errorf("OnInvalid %v, want the reason that came furthest, once", invalid)
	}
	site.store.count()
	many := make([]string, 1000)
	for i := range many {
		many[i] = stale
	}
	get(many...)
	if got := site.store.count()["load"]; got > 8 {
		t.Errorf("1000 cookies cost %d loads", got)
	}
}

// reversed is a Signer of one's own.
type reversed struct{}

func (reversed) Sign(id string) string { return "r." + id }
func (reversed) Verify(value string) (string, bool) {
	if len(value) > 4096 {
		panic("a value that no browser sends")
	}
	return strings.CutPrefix(value, "r.")
}

func TestOwnSigner(t *testing.T) {
	site := newSite(t, &sojourn.Options{Signer: reversed{}})
	v := site.visitor()
	var id string
	v.do(func(s *sojourn.Session) { id, _ = s.EnsureID(); _ = s.SetTimeout(time.Hour) })
	if v.cookie() != "r."+id {
		t.Errorf("cookie %q, want the signer's and nothing else in it", v.cookie())
	}
	v.do(func(s *sojourn.Session) {
		if s.New() || s.ID() != id {
			t.Error("the signer's cookie was not verified")
		}
	})
	v.cookies["__Host-session"] = &http.Cookie{Name: "__Host-session", Value: "r.bad id"}
	site.store.count()
	v.get("a")
	if got := site.store.count(); len(got) != 0 {
		t.Errorf("a malformed id was taken to the store: %v", got)
	}

	v.cookies["__Host-session"] = &http.Cookie{Name: "__Host-session", Value: strings.Repeat("x", 5000)}
	v.get("a")

	site = newSite(t, &sojourn.Options{Signer: huge{}})
	if w := site.visitor().do(func(s *sojourn.Session) { s.Set("a", 1) }); w.Code != http.StatusInternalServerError || site.store.count()["create"] != 0 {
		t.Errorf("a cookie of 5000 bytes: status %d, want 500 and no record", w.Code)
	}
}

type huge struct{ reversed }

func (huge) Sign(id string) string { return strings.Repeat("x", 5000) }
