package main_test

import (
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn/internal/redistest"
)

// The first promise: one round trip to read, one to write, none when nothing is
// asked.

func TestContractCommands(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	d := b.start(t)
	static := staticRef.FindStringSubmatch(d.visitor().must(t, 200, "GET", "/", "").body)
	if static == nil {
		t.Fatal("the page has its style and script under /static/")
	}
	rows := []struct {
		name               string
		method, path, body string
		total              int
		only               string // if set, the one command
		status             int
		visitor            func(v *visitor) *visitor // from one with a session
	}{
		{"static, with a cookie", "GET", static[1], "", 0, "", 200, known},
		{"health", "GET", "/healthz", "", 0, "", 200, known}, // PING is in no count
		{"no such call", "GET", "/api/nothing", "", 0, "", 404, known},
		{"read the session", "GET", "/api/session", "", 1, "GETEX", 200, known},
		{"read a value", "GET", "/api/values/a", "", 1, "GETEX", 200, known},
		{"read what is not there", "GET", "/api/values/none", "", 1, "GETEX", 404, known},
		{"peek flash", "GET", "/api/flash", "", 1, "GETEX", 200, known},
		{"refused token", "POST", "/api/protected", "", 1, "GETEX", 403, known},
		{"put", "PUT", "/api/values/b", `{"x":[1,2]}`, 2, "", 204, known},
		{"put what is there already", "PUT", "/api/values/a", `1`, 1, "GETEX", 204, known},
		{"delete", "DELETE", "/api/values/a", "", 2, "", 204, known},
		{"delete what is not there", "DELETE", "/api/values/none", "", 1, "GETEX", 204, known},
		{"increment", "POST", "/api/values/n/increment", "", 2, "", 200, known},
		{"append", "POST", "/api/values/list/append", `1`, 2, "", 200, known},
		{"flash", "POST", "/api/flash", `{"message":"m","queue":"","allow_duplicate":true}`, 2, "", 204, known},
		{"pop flash, none there", "DELETE", "/api/flash", "", 1, "GETEX", 200, known},
		{"first token", "GET", "/api/csrf", "", 2, "", 200, known},
		{"new token", "POST", "/api/csrf", "", 2, "", 200, known},
		{"time-out", "PUT", "/api/timeout", `{"seconds":60}`, 2, "", 204, known},
		{"stream", "GET", "/api/stream?n=2&every=1ms", "", 2, "", 200, known},
		{"late", "GET", "/api/late", "", 2, "", 200, known},
		{"logout", "POST", "/api/logout", "", 2, "", 204, known},
		{"renew", "POST", "/api/renew", "", 4, "", 204, known},
		{"login, which renews and changes", "POST", "/api/login", `{"user":"ada"}`, 4, "", 204, known},

		{"page, no cookie", "GET", "/", "", 0, "", 200, stranger},
		{"static, no cookie", "GET", static[1], "", 0, "", 200, stranger},
		{"read, no cookie", "GET", "/api/session", "", 0, "", 200, stranger},
		{"logout, no cookie", "POST", "/api/logout", "", 0, "", 204, stranger},
		{"renew, no cookie", "POST", "/api/renew", "", 0, "", 204, stranger},
		{"first save", "PUT", "/api/values/a", `1`, 1, "SET", 204, stranger},
		{"first save by increment", "POST", "/api/values/n/increment", "", 1, "SET", 200, stranger},
		{"first save by login", "POST", "/api/login", `{"user":"ada"}`, 1, "SET", 204, stranger},
		{"first save by stream", "GET", "/api/stream?n=1&every=1ms", "", 1, "SET", 200, stranger},

		{"read, tampered cookie", "GET", "/api/session", "", 0, "", 200, tampered},
		{"page, tampered cookie", "GET", "/", "", 0, "", 200, tampered},
		{"first save, tampered cookie", "PUT", "/api/values/a", `1`, 1, "SET", 204, tampered},
		{"read, no cookie but junk", "GET", "/api/session", "", 0, "", 200, junk},
	}
	for _, row := range rows {
		v := d.visitor()
		v.put(t, "a", `1`)
		v = row.visitor(v)
		var a answer
		got := b.redis.Count(func() { a = v.do(t, row.method, row.path, row.body) })
		if a.status != row.status {
			t.Errorf("%s: %v; want %d", row.name, a, row.status)
		}
		if got.Total() != row.total {
			t.Errorf("one round trip to read, one to write, none when nothing is asked: %s sent %v, want %d in all", row.name, got, row.total)
		}
		if row.only != "" && !maps.Equal(got, redistest.Counts{row.only: 1}) {
			t.Errorf("%s sent %v, want one %s", row.name, got, row.only)
		}
		if n := a.header.Get("X-Store-Commands"); row.name != "late" && row.name != "health" && n != strconv.Itoa(got.Total()) {
			t.Errorf("X-Store-Commands tells the truth: %s says %s and sent %v", row.name, n, got)
		}
	}
}

func known(v *visitor) *visitor    { return v }
func stranger(v *visitor) *visitor { return v.d.visitor() }

func tampered(v *visitor) *visitor {
	c := *v.jar()
	c.Value = otherAt(c.Value, len(c.Value)-1)
	return v.d.visitorWith(&c)
}

func junk(v *visitor) *visitor {
	c := *v.jar()
	c.Value = "junk"
	return v.d.visitorWith(&c)
}

func TestContractPageIsOneReadForAKnownVisitor(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	v := b.start(t).visitor()
	v.put(t, "a", `1`)
	v.must(t, 200, "GET", "/", "") // may make the token of its forms
	got := b.redis.Count(func() { v.must(t, 200, "GET", "/", "") })
	if !maps.Equal(got, redistest.Counts{"GETEX": 1}) {
		t.Errorf("one round trip to read: the page sent %v, want one GETEX", got)
	}
}

func TestContractManyValuesAreOneWrite(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	v := b.start(t).visitor()
	for i := range 50 {
		v.put(t, "key"+strconv.Itoa(i), `"`+strings.Repeat("x", i)+`"`)
	}
	// Login moves all of them, and changes user and token.
	if got := b.redis.Count(func() { v.must(t, 204, "POST", "/api/login", `{"user":"ada"}`) }); got.Total() != 4 {
		t.Errorf("renewal is load, create, the tombstone of the old record and its deletion, whatever the number of values: %v", got)
	}
	if got := b.redis.Count(func() { v.put(t, "key7", `[1,2,3]`) }); got.Total() != 2 {
		t.Errorf("a change is load and swap, whatever the number of values: %v", got)
	}
	if s := v.session(t); len(s.Values) < 50 || s.User != "ada" {
		t.Errorf("all values are kept: %d, user %v", len(s.Values), s.User)
	}
}

func TestContractRefreshBelowReadsWithoutWriting(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	v := b.start(t, "--timeout", "4s", "--refresh-below", "3s").visitor()
	v.put(t, "a", `1`)
	if got := b.redis.Count(func() { v.session(t) }); !maps.Equal(got, redistest.Counts{"GET": 1}) {
		t.Errorf("with --refresh-below, reading sends nothing that writes until it is reached: %v, want one GET", got)
	}
	refreshed := 0
	for end := time.Now().Add(6 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var s session
		got := b.redis.Count(func() { s = v.session(t) })
		switch {
		case s.New:
			t.Fatalf("a session in constant use does not end: it did, after %d renewals", refreshed)
		case got.Total() == 2:
			refreshed++
		case got.Total() != 1:
			t.Errorf("a read that renews costs one command more: %v", got)
		}
	}
	if refreshed < 2 || refreshed > 20 {
		t.Errorf("with 3s of 4s as the threshold, 6s of constant use renew some five times: %d", refreshed)
	}
}
