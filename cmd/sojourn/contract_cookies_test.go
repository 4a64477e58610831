package main_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestContractCookieAttributes(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		v := b.start(t).visitor()
		a := v.must(t, 204, "PUT", "/api/values/a", `1`)
		if len(a.set) != 1 {
			t.Fatalf("a first save sets one cookie: %v", a.set)
		}
		c := a.set[0]
		switch {
		case !c.HttpOnly:
			t.Errorf("the cookie is HttpOnly: %s", c.Raw)
		case c.SameSite != http.SameSiteLaxMode:
			t.Errorf("the cookie is SameSite=Lax: %s", c.Raw)
		case c.Path != "/":
			t.Errorf("the cookie is for Path=/: %s", c.Raw)
		case c.Domain != "":
			t.Errorf("the cookie goes to no subdomain: %s", c.Raw)
		case c.Secure, strings.HasPrefix(c.Name, "__"):
			t.Errorf("on plain HTTP to loopback the cookie works in every browser, so without Secure and its prefixes: %s", c.Raw)
		case len(c.Name)+len(c.Value) > 4096:
			t.Errorf("name and value have at most 4,096 bytes: %d", len(c.Name)+len(c.Value))
		case len(idOf(c.Value)) < 43:
			t.Errorf("an id has 256 random bits: %d characters", len(idOf(c.Value)))
		}
		wantUncached(t, a)

		for _, row := range []struct{ method, path, body string }{
			{"GET", "/api/session", ""},
			{"GET", "/api/values/a", ""},
			{"GET", "/", ""},
			{"PUT", "/api/values/b", "2"},
			{"POST", "/api/values/n/increment", ""},
			{"GET", "/api/stream?n=1&every=1ms", ""},
		} {
			v.do(t, row.method, row.path, row.body).wantNoCookie(t, "a visitor who has the cookie does not get it again")
		}

		for _, row := range []struct{ path, body string }{{"/api/renew", ""}, {"/api/login", `{"user":"ada"}`}} {
			a := v.must(t, 204, "POST", row.path, row.body)
			if len(a.set) != 1 || a.set[0].Name != c.Name || a.set[0].Path != c.Path || !a.set[0].HttpOnly || a.set[0].SameSite != c.SameSite {
				t.Errorf("a renewed cookie is like the first: %v", a.set)
			}
			wantUncached(t, a)
		}

		a = v.must(t, 204, "POST", "/api/logout", "")
		if len(a.set) != 1 {
			t.Fatalf("logout deletes the cookie: %v", a.set)
		}
		gone := a.set[0]
		if gone.Name != c.Name || gone.Path != c.Path || gone.Domain != c.Domain || gone.Value != "" || gone.MaxAge >= 0 && !gone.Expires.Before(time.Now()) {
			t.Errorf("logout deletes the cookie, by the same name, path and domain: %s", gone.Raw)
		}
		wantUncached(t, a)
	})
}

func wantUncached(t *testing.T, a answer) {
	t.Helper()
	if cc := a.header.Get("Cache-Control"); !strings.Contains(cc, "no-store") && !strings.Contains(cc, "private") {
		t.Errorf("a response that sets the cookie carries Cache-Control: %v has %q", a, cc)
	}
	if vary := strings.Join(a.header.Values("Vary"), ","); !strings.Contains(vary, "Cookie") {
		t.Errorf("a response that sets the cookie carries Vary: Cookie: %v has %q", a, vary)
	}
}

func TestContractSeveralCookiesOfOneName(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		d := b.start(t)
		v := d.visitor()
		v.put(t, "me", `"here"`)
		valid := v.jar()
		ended := d.visitor()
		ended.put(t, "me", `"ended"`)
		old := ended.jar()
		ended.must(t, 204, "POST", "/api/logout", "")
		pair := func(value string) string { return valid.Name + "=" + value }

		for _, row := range []struct {
			name    string
			cookies []string
		}{
			{"garbage first", []string{pair("garbage"), pair(valid.Value)}},
			{"garbage last", []string{pair(valid.Value), pair("garbage")}},
			{"an empty one first", []string{pair(""), pair(valid.Value)}},
			{"an ended session's first", []string{pair(old.Value), pair(valid.Value)}},
			{"an ended session's last", []string{pair(valid.Value), pair(old.Value)}},
			{"several bad ones first", []string{pair("a"), pair(old.Value), pair(strings.Repeat("x", 200)), pair(valid.Value)}},
			{"other cookies between", []string{"theme=dark", pair("garbage"), "a=b", pair(valid.Value), "z=1"}},
		} {
			a := d.visitor().must(t, 200, "GET", "/api/values/me", "", withHeader("Cookie", strings.Join(row.cookies, "; ")))
			if strings.TrimSpace(a.body) != `"here"` {
				t.Errorf("of two cookies of one name the valid one is used: %s: %v", row.name, a)
			}
		}
	})
}

func TestContractIdsAreNeverAdopted(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		d := b.start(t)
		v := d.visitor()
		v.put(t, "me", `"here"`)
		valid := *v.jar()
		ended := d.visitor()
		ended.put(t, "me", `"ended"`)
		old := *ended.jar()
		ended.must(t, 204, "POST", "/api/logout", "")
		foreign := startDemo(t, "--store", b.url, "--secret", otherSecret).visitor()
		foreign.put(t, "me", `"foreign"`)

		rows := map[string]string{
			"an id of the client's choice, unsigned":       "chosen-by-the-client-0123456789abcdefghijkl",
			"an id of the client's choice, badly signed":   strings.Repeat("A", macLength) + "chosen-by-the-client",
			"the id of a session without its signature":    idOf(valid.Value),
			"another signature before the id of a session": old.Value[:macLength] + idOf(valid.Value),
			"an ended session's":                           old.Value,
			"a cookie of another secret":                   foreign.jar().Value,
			"an empty id, badly signed":                    strings.Repeat("A", macLength),
			"a time-out added":                             valid.Value + "~zzz",
			"a longer id":                                  valid.Value + "x",
			"a shorter id":                                 valid.Value[:len(valid.Value)-1],
			"a pattern":                                    strings.Repeat("A", macLength) + "*",
			"an oversized value":                           strings.Repeat("A", 6000),
			"an oversized valid one":                       valid.Value + strings.Repeat("A", 6000),
			"other letters of the signature": strings.ToUpper(
				valid.Value[:macLength]) + valid.Value[macLength:],
		}
		for _, at := range []int{0, 1, 21, macLength - 2, macLength - 1, macLength, len(valid.Value) - 1} {
			rows["a changed letter at "+string(rune('0'+at/10))+string(rune('0'+at%10))] = otherAt(valid.Value, at)
		}
		// Base64 has several texts for the same bytes: the last letter of the
		// signature stands for four bits only.
		for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
			if text := valid.Value[:macLength-1] + string(c) + valid.Value[macLength:]; text != valid.Value {
				rows["the signature's last letter as "+string(c)] = text
			}
		}
		for name, value := range rows {
			client := d.visitorWith(&http.Cookie{Name: valid.Name, Value: value})
			if s := client.session(t); !s.New || len(s.Values) != 0 {
				t.Errorf("a cookie that this service did not issue leads to no session: %s: %+v", name, s)
			}
			if strings.HasPrefix(name, "the signature's") {
				continue
			}
			a := client.do(t, "PUT", "/api/values/mine", `1`)
			a.want(t, 204, "a client with a bad cookie is a stranger, not locked out: "+name)
			if len(a.set) != 1 || a.set[0].Value == value || idOf(a.set[0].Value) == idOf(value) {
				t.Errorf("an id that the client chose is never adopted: %s: set %v", name, a.set)
				continue
			}
			if id := idOf(value); b.redis != nil && id != idOf(valid.Value) && id != foreign.id(t) && b.redis.Int("EXISTS", "sojourn:"+id) != 0 {
				t.Errorf("an id that the client chose is never adopted: %s: Redis has a record under it", name)
			}
			if s := client.session(t); s.New || len(s.Values) != 1 {
				t.Errorf("the new session of a client with a bad cookie holds what it stored: %s: %+v", name, s)
			}
		}
		if s := v.session(t); s.New || len(s.Values) != 1 || s.Values["me"] != "here" {
			t.Errorf("other clients' bad cookies do not touch a session: %+v", s)
		}

		for _, path := range []string{
			"/api/session?" + valid.Name + "=" + valid.Value,
			"/api/session?id=" + valid.Value,
			"/api/session?session_id=" + idOf(valid.Value),
		} {
			var s session
			a := d.visitor().must(t, 200, "GET", path, "", withHeader("X-Session-Id", valid.Value), withHeader("Authorization", "Bearer "+valid.Value))
			if a.json(t, &s); !s.New {
				t.Errorf("ids in URLs and other headers are ignored: %v", a)
			}
		}
	})
}

// otherAt is text with another letter at one place.
func otherAt(text string, at int) string {
	c := byte('a')
	if text[at] == c {
		c = 'b'
	}
	return text[:at] + string(c) + text[at+1:]
}
