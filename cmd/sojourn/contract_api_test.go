package main_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// onEachSetting is onEachStore, with both codecs on Redis.
func onEachSetting(t *testing.T, test func(t *testing.T, b backend)) {
	onEachStore(t, test)
	t.Run("redis with json", func(t *testing.T) {
		b := onRedis(t)
		b.args = []string{"--codec", "json"}
		test(t, b)
	})
}

func TestContractSessionOfAStranger(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		v := b.start(t).visitor()
		before := time.Now().Unix()
		a := v.must(t, 200, "GET", "/api/session", "")
		a.wantNoCookie(t, "reading makes nothing")
		var s session
		a.json(t, &s)
		if !s.New || s.Timeout != 1200 || len(s.Values) != 0 || (s.User != nil && s.User != "") {
			t.Errorf("a stranger has a new, empty session of 20 minutes: %v", a)
		}
		if s.Created < before-2 || s.Created > time.Now().Unix()+1 {
			t.Errorf("created is Unix time, now %d: %v", before, a)
		}
		var fields map[string]json.RawMessage
		a.json(t, &fields)
		for _, f := range []string{"new", "created", "timeout", "user", "values"} {
			if fields[f] == nil {
				t.Errorf("the session has the field %q: %v", f, a)
			}
		}
		if string(bytes.TrimSpace(fields["values"])) == "null" {
			t.Errorf("values is an object, also when empty: %v", a)
		}

		for _, row := range []struct{ method, path, body string }{
			{"GET", "/api/flash", ""},
			{"DELETE", "/api/flash", ""},
			{"DELETE", "/api/values/a", ""},
			{"POST", "/api/logout", ""},
			{"POST", "/api/renew", ""},
		} {
			v := v.d.visitor()
			a := v.do(t, row.method, row.path, row.body)
			if a.status >= 300 {
				t.Errorf("what changes nothing succeeds for a stranger too: %v", a)
			}
			a.wantNoCookie(t, "a visitor who stores nothing gets no cookie")
		}
		b.wantKeys(t, 0, "a visitor who stores nothing gets no key")
	})
}

func TestContractValues(t *testing.T) {
	t.Parallel()
	onEachSetting(t, func(t *testing.T, b backend) {
		v := b.start(t).visitor()
		v.do(t, "GET", "/api/values/missing", "").wantError(t, 404, "a value that is not there")
		rows := []struct{ key, json string }{
			{"integer", `42`},
			{"zero", `0`},
			{"big", `9007199254740993`},
			{"most", `9223372036854775807`},
			{"least", `-9223372036854775808`},
			{"fraction", `1.5`},
			{"text", `"täglich <b>\"neu\"</b> & ☃"`},
			{"empty", `""`},
			{"yes", `true`},
			{"null", `null`},
			{"list", `[1,"two",[3],{"four":4}]`},
			{"object", `{"a":{"b":[1,2,3]},"c":null}`},
			{"nothing", `{}`},
			{"none", `[]`},
			{"a%20b", `"space"`},
			{"%C3%BC", `"umlaut"`},
			{"a%2Fb", `"slash"`},
			{"..a", `"dots"`},
		}
		for _, row := range rows {
			a := v.do(t, "PUT", "/api/values/"+row.key, row.json)
			a.want(t, 204, "PUT stores the JSON in the body")
			if a.body != "" {
				t.Errorf("204 has no body: %v", a)
			}
		}
		all := v.session(t).Values
		if len(all) != len(rows) {
			t.Errorf("the session shows all of its %d values: %v", len(rows), all)
		}
		for _, row := range rows {
			a := v.do(t, "GET", "/api/values/"+row.key, "")
			a.want(t, 200, "GET answers the JSON value")
			var got any
			a.json(t, &got)
			if !sameJSON(a.body, row.json) {
				t.Errorf("GET answers the JSON value that was stored: %v, want %s", a, row.json)
			}
		}
		for _, row := range rows {
			v.must(t, 204, "DELETE", "/api/values/"+row.key, "")
			v.do(t, "GET", "/api/values/"+row.key, "").wantError(t, 404, "a deleted value is gone")
		}
		v.must(t, 204, "DELETE", "/api/values/integer", "")
		if s := v.session(t); s.New || len(s.Values) != 0 {
			t.Errorf("a session whose values were deleted goes on, empty: %+v", s)
		}
	})
}

// sameJSON compares numbers as they are written.
func sameJSON(a, b string) bool {
	norm := func(s string) string {
		dec := json.NewDecoder(strings.NewReader(s))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			return err.Error()
		}
		out, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		return string(out)
	}
	return norm(a) == norm(b)
}

func TestContractIncrement(t *testing.T) {
	t.Parallel()
	onEachSetting(t, func(t *testing.T, b backend) {
		v := b.start(t).visitor()
		for _, row := range []struct {
			query string
			want  int
		}{{"", 1}, {"?by=1", 2}, {"?by=5", 7}, {"?by=-10", -3}, {"?by=0", -3}, {"?by=3&hold=1ms", 0}} {
			n, err := v.must(t, 200, "POST", "/api/values/n/increment"+row.query, "").number()
			if err != nil || n != row.want {
				t.Errorf("increment%s answers the value that was saved: %d, %v; want %d", row.query, n, err, row.want)
			}
			v.wantValue(t, "n", jsonOf(row.want), "an increment is saved before it answers")
		}
		v.put(t, "n", `9223372036854775807`)
		if a := v.do(t, "POST", "/api/values/n/increment", ""); a.status == 200 {
			t.Errorf("an integer does not overflow in silence: %v", a)
		}
		for _, other := range []string{`"text"`, `1.5`, `[1]`, `true`} {
			v.put(t, "other", other)
			v.do(t, "POST", "/api/values/other/increment", "").wantError(t, 400, "an increment of what is no integer")
			v.wantValue(t, "other", other, "a refused increment changes nothing")
		}
	})
}

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestContractAppend(t *testing.T) {
	t.Parallel()
	onEachSetting(t, func(t *testing.T, b backend) {
		v := b.start(t).visitor()
		for _, row := range []struct{ item, want string }{
			{`1`, `[1]`},
			{`"two"`, `[1,"two"]`},
			{`[3]`, `[1,"two",[3]]`},
			{`{"four":4}`, `[1,"two",[3],{"four":4}]`},
			{`null`, `[1,"two",[3],{"four":4},null]`},
		} {
			var got struct {
				Value json.RawMessage `json:"value"`
			}
			v.must(t, 200, "POST", "/api/values/list/append", row.item).json(t, &got)
			if !sameJSON(string(got.Value), row.want) {
				t.Errorf("append answers the list: %s, want %s", got.Value, row.want)
			}
			if got := v.value(t, "list"); !sameJSON(got, row.want) {
				t.Errorf("change detection sees what was appended in place: %s, want %s", got, row.want)
			}
		}
		v.put(t, "set", `["a"]`)
		v.must(t, 200, "POST", "/api/values/set/append", `"b"`)
		if got := v.value(t, "set"); !sameJSON(got, `["a","b"]`) {
			t.Errorf("append works on a list that was PUT: %s", got)
		}
		v.put(t, "text", `"a"`)
		v.do(t, "POST", "/api/values/text/append", `"b"`).wantError(t, 400, "append to what is no list")
		v.wantValue(t, "text", `"a"`, "a refused append changes nothing")
	})
}

type messages struct {
	Messages []any `json:"messages"`
}

func TestContractFlash(t *testing.T) {
	t.Parallel()
	onEachSetting(t, func(t *testing.T, b backend) {
		v := b.start(t).visitor()
		want := func(method, queue string, want ...string) {
			t.Helper()
			a := v.must(t, 200, method, "/api/flash?queue="+queue, "")
			var got messages
			a.json(t, &got)
			if got.Messages == nil {
				t.Errorf("messages is a list, also when empty: %v", a)
			}
			if len(got.Messages) != len(want) || len(want) > 0 && jsonOf(got.Messages) != jsonOf(want) {
				t.Errorf("%s of queue %q: %v, want %q", method, queue, a, want)
			}
		}
		flash := func(message, queue string, duplicate bool) {
			t.Helper()
			v.must(t, 204, "POST", "/api/flash", jsonOf(map[string]any{"message": message, "queue": queue, "allow_duplicate": duplicate}))
		}
		want("GET", "")
		flash("one", "", true)
		flash("two", "", true)
		flash("other", "errors", true)
		want("GET", "", "one", "two")
		want("GET", "", "one", "two")
		want("GET", "errors", "other")
		flash("one", "", true)
		want("GET", "", "one", "two", "one")
		flash("two", "", false)
		want("GET", "", "one", "two", "one")
		flash("three", "", false)
		want("DELETE", "", "one", "two", "one", "three")
		want("GET", "")
		want("DELETE", "")
		want("DELETE", "errors", "other")
	})
}

func TestContractCSRF(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		d := b.start(t)
		v, other := d.visitor(), d.visitor()
		token := func(v *visitor, method string) string {
			t.Helper()
			var got struct {
				Token string `json:"token"`
			}
			v.must(t, 200, method, "/api/csrf", "").json(t, &got)
			if len(got.Token) < 32 {
				t.Errorf("a CSRF token cannot be guessed: %q", got.Token)
			}
			return got.Token
		}
		protected := func(v *visitor, token string) answer {
			t.Helper()
			return v.do(t, "POST", "/api/protected", "", withHeader("X-CSRF-Token", token))
		}
		v.do(t, "POST", "/api/protected", "").wantError(t, 403, "a stranger has no token")
		protected(v, "").wantError(t, 403, "an empty token is none")

		first := token(v, "GET")
		if again := token(v, "GET"); again != first {
			t.Errorf("the token stays: %q, then %q", first, again)
		}
		protected(v, first).want(t, 204, "the session's token is accepted")
		v.do(t, "POST", "/api/protected", "").wantError(t, 403, "without the header")
		protected(v, first+"x").wantError(t, 403, "a wrong token")
		protected(other, first).wantError(t, 403, "another session's token, from a stranger")
		token(other, "GET")
		protected(other, first).wantError(t, 403, "another session's token")
		v.do(t, "POST", "/api/protected?csrf_token="+first, "").wantError(t, 403, "a token in the URL")

		second := token(v, "POST")
		if second == first {
			t.Error("POST /api/csrf makes a new token")
		}
		protected(v, first).wantError(t, 403, "the old token")
		protected(v, second).want(t, 204, "the new token")
		if a := v.must(t, 200, "GET", "/api/session", ""); strings.Contains(a.body, second) {
			t.Errorf("no answer but its own contains the CSRF token, a secret: %v", a)
		}
	})
}

func TestContractLoginRenewLogout(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		d := b.start(t)
		v := d.visitor()
		v.put(t, "cart", `["book"]`)
		created := v.session(t).Created

		for _, path := range []string{"/api/login", "/api/renew"} {
			body := ""
			if path == "/api/login" {
				body = `{"user":"ada"}`
			}
			old, oldID := v.clone(), v.id(t)
			a := v.must(t, 204, "POST", path, body)
			if len(a.set) != 1 || v.id(t) == oldID {
				t.Errorf("%s gives a new id, set %v", path, a.set)
			}
			old.wantStranger(t, path+" ends the old id")
			b.wantGone(t, oldID, path+" ends the old id")
			b.wantKeys(t, 1, path+" moves the session")
			s := v.session(t)
			if s.New || s.User != "ada" || s.Created != created || jsonOf(s.Values["cart"]) != `["book"]` {
				t.Errorf("%s keeps the values, the user, and when it was made (%d): %+v", path, created, s)
			}
		}

		old, oldID := v.clone(), v.id(t)
		v.must(t, 204, "POST", "/api/logout", "")
		if c := v.jar(); c != nil {
			t.Errorf("logout deletes the cookie: %v", c)
		}
		old.wantStranger(t, "logout invalidates the session")
		b.wantGone(t, oldID, "logout invalidates the session")
		b.wantKeys(t, 0, "logout leaves nothing")
		if s := v.session(t); !s.New || (s.User != nil && s.User != "") {
			t.Errorf("after logout the visitor is a stranger: %+v", s)
		}

		stranger := d.visitor()
		stranger.must(t, 204, "POST", "/api/login", `{"user":"bob"}`)
		if s := stranger.session(t); s.New || s.User != "bob" {
			t.Errorf("a stranger can log in: %+v", s)
		}
	})
}

func TestContractTimeoutStreamLate(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		v := b.start(t).visitor()
		v.put(t, "a", `1`)
		v.must(t, 204, "PUT", "/api/timeout", `{"seconds":60}`)
		for range 2 {
			if s := v.session(t); s.Timeout != 60 || s.New {
				t.Errorf("PUT /api/timeout sets this session's idle time-out for good: %+v", s)
			}
		}
		v.put(t, "a", `2`)
		v.must(t, 204, "POST", "/api/renew", "")
		if s := v.session(t); s.Timeout != 60 {
			t.Errorf("a session's own time-out survives a change and a renewal: %+v", s)
		}

		a := v.must(t, 200, "GET", "/api/stream?n=3&every=5ms", "")
		if ct := a.header.Get("Content-Type"); !strings.HasPrefix(ct, "text/event-stream") {
			t.Errorf("the stream is text/event-stream: %q", ct)
		}
		if n, _ := events(strings.NewReader(a.body)); n != 3 {
			t.Errorf("the stream has n=3 events: %d in %q", n, a.body)
		}
		v.value(t, "streamed")
		v.must(t, 200, "GET", "/api/late", "")
		eventually(t, "late is set after the body", func() error {
			a, err := v.try("GET", "/api/values/late", "")
			if err == nil && a.status != 200 {
				err = a.err()
			}
			return err
		})
	})
}

func TestContractHealth(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		v := b.start(t).visitor()
		a := v.must(t, 200, "GET", "/healthz", "")
		var got map[string]string
		a.json(t, &got)
		if len(got) != 1 || got["store"] != "ok" {
			t.Errorf(`a healthy store answers {"store":"ok"}: %v`, a)
		}
	})
}

func TestContractBadInput(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		v := b.start(t).visitor()
		v.put(t, "kept", `1`)
		big := `"` + strings.Repeat("x", 16<<20) + `"`
		for _, row := range []struct {
			method, path, body string
			status             int
			rule               string
		}{
			{"PUT", "/api/values/k", ``, 400, "an empty body is no JSON"},
			{"PUT", "/api/values/k", `{`, 400, "half a value is no JSON"},
			{"PUT", "/api/values/k", `1 2`, 400, "two values are not one"},
			{"PUT", "/api/values/k", `nope`, 400, "a bare word is no JSON"},
			{"PUT", "/api/values/_csrft_", `"chosen"`, 400, "the token is not the visitor's to set"},
			{"PUT", "/api/values/_f_", `[]`, 400, "keys beginning with _ are the library's"},
			{"PUT", "/api/values/_", `1`, 400, "keys beginning with _ are the library's"},
			{"PUT", "/api/values/%5Fx", `1`, 400, "keys beginning with _, however written"},
			{"PUT", "/api/values/k", big, 413, "a body has a limit"},
			{"POST", "/api/values/k/append", ``, 400, "an empty body is no JSON"},
			{"POST", "/api/values/k/append", `[`, 400, "half a value is no JSON"},
			{"POST", "/api/values/k/append", big, 413, "a body has a limit"},
			{"POST", "/api/values/k/increment?by=x", ``, 400, "by is an integer"},
			{"POST", "/api/values/k/increment?by=1.5", ``, 400, "by is an integer"},
			{"POST", "/api/values/k/increment?by=99999999999999999999", ``, 400, "by has 64 bits"},
			{"POST", "/api/flash", ``, 400, "an empty body is no JSON"},
			{"POST", "/api/flash", `nope`, 400, "a bare word is no JSON"},
			{"POST", "/api/flash", `{"message":"m","queue":5}`, 400, "a queue has a name"},
			{"POST", "/api/login", ``, 400, "an empty body is no JSON"},
			{"POST", "/api/login", `{}`, 400, "somebody logs in"},
			{"POST", "/api/login", `{"user":""}`, 400, "somebody logs in"},
			{"POST", "/api/login", `{"user":7}`, 400, "a user has a name"},
			{"PUT", "/api/timeout", ``, 400, "an empty body is no JSON"},
			{"PUT", "/api/timeout", `{"seconds":"soon"}`, 400, "seconds is a number"},
			{"PUT", "/api/timeout", `{"seconds":-60}`, 400, "a time-out is positive"},
			{"PUT", "/api/timeout", `{"seconds":1e300}`, 400, "a time-out ends some day"},
			{"GET", "/api/session?hold=abc", ``, 400, "hold is a duration"},
			{"GET", "/api/session?hold=-1s", ``, 400, "nobody waits a negative time"},
			{"PUT", "/api/values/k?hold=x", `1`, 400, "hold is a duration"},
			{"POST", "/api/logout?hold=x", ``, 400, "hold is a duration"},
			{"GET", "/api/stream?n=x", ``, 400, "n is a number"},
			{"GET", "/api/stream?n=-1", ``, 400, "n is not negative"},
			{"GET", "/api/stream?n=1&every=soon", ``, 400, "every is a duration"},
			{"GET", "/api/stream?n=1&every=-1s", ``, 400, "nobody waits a negative time"},
			{"POST", "/api/protected", ``, 403, "the token is missing"},
			{"GET", "/api/values/k", ``, 404, "nothing of the above was stored"},
			{"GET", "/api/nothing", ``, 404, "there is no such call"},
			{"GET", "/api/values/a/b/c", ``, 404, "there is no such call"},
			{"POST", "/api/session", ``, 405, "the session is read with GET"},
			{"PATCH", "/api/values/k", `1`, 405, "a value knows GET, PUT and DELETE"},
			{"GET", "/api/values/k/increment", ``, 405, "an increment is a POST"},
			{"GET", "/api/values/k/append", ``, 405, "append is a POST"},
			{"GET", "/api/login", ``, 405, "login is a POST"},
			{"GET", "/api/logout", ``, 405, "a link must not log out"},
			{"GET", "/api/renew", ``, 405, "renew is a POST"},
			{"POST", "/api/timeout", `{"seconds":60}`, 405, "the time-out is a PUT"},
			{"PUT", "/api/flash", ``, 405, "flash knows POST, GET and DELETE"},
			{"POST", "/api/stream", ``, 405, "the stream is a GET"},
		} {
			a, err := v.try(row.method, row.path, row.body)
			if err != nil {
				t.Errorf("%s: %s %s: no answer: %v", row.rule, row.method, row.path, err)
				continue
			}
			if a.status != row.status {
				t.Errorf("%s: %v; want %d", row.rule, a, row.status)
				continue
			}
			a.wantError(t, row.status, row.rule)
			a.wantNoCookie(t, "an error sets no cookie")
			if row.status == 405 && a.header.Get("Allow") == "" {
				t.Errorf("405 says what is allowed (RFC 9110, section 15.5.6): %v", a)
			}
		}
		if s := v.session(t); s.New || s.Timeout != 1200 || (s.User != nil && s.User != "") || len(s.Values) != 1 {
			t.Errorf("bad input changes nothing: %+v", s)
		}
		for _, row := range []struct {
			method, path string
			status       int
		}{{"POST", "/", 405}, {"POST", "/healthz", 405}, {"GET", "/nothing", 404}, {"GET", "/static/nothing.css", 404}} {
			if a := v.do(t, row.method, row.path, ""); a.status != row.status {
				t.Errorf("outside of the contract: %v; want %d", a, row.status)
			}
		}
	})
}

func (a answer) err() error { return errString(a.String()) }

type errString string

func (e errString) Error() string { return string(e) }

func TestContractHoldWaits(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		v := b.start(t).visitor()
		v.put(t, "a", `1`)
		for _, row := range []struct{ method, path, body string }{
			{"GET", "/api/session", ""},
			{"PUT", "/api/values/b", "2"},
			{"GET", "/api/values/a", ""},
			{"POST", "/api/values/n/increment", ""},
			{"POST", "/api/renew", ""},
			{"GET", "/api/late", ""},
			{"POST", "/api/logout", ""},
		} {
			start := time.Now()
			a := v.do(t, row.method, row.path+"?hold=120ms", row.body)
			if took := time.Since(start); took < 120*time.Millisecond {
				t.Errorf("hold=120ms waits that long: %v after %v", a, took)
			}
			if a.status != http.StatusOK && a.status != http.StatusNoContent {
				t.Errorf("hold changes nothing but the time: %v", a)
			}
		}
	})
}
