package sojourn_test

import (
	"net/http"
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
