package sojourn_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

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
