package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A visitor is a browser: it keeps its cookie and sends it. Its methods may be
// called concurrently; those that take no *testing.T from any goroutine.
type visitor struct {
	d *demo

	mu     sync.Mutex
	cookie *http.Cookie
}

func (d *demo) visitor() *visitor { return &visitor{d: d} }

// visitorWith is a stranger with somebody's cookie.
func (d *demo) visitorWith(c *http.Cookie) *visitor { return &visitor{d: d, cookie: c} }

// clone is a second window of the same browser that has not heard of newer
// cookies.
func (v *visitor) clone() *visitor { return v.d.visitorWith(v.jar()) }

func (v *visitor) jar() *http.Cookie {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.cookie
}

// id is the id in the visitor's cookie: what follows the signature, up to "~".
func (v *visitor) id(t *testing.T) string {
	t.Helper()
	c := v.jar()
	if c == nil || len(c.Value) <= macLength {
		t.Fatalf("the visitor has no session cookie: %v", c)
	}
	return idOf(c.Value)
}

func (v *visitor) key(t *testing.T) string { return "sojourn:" + v.id(t) }

func idOf(value string) string {
	if len(value) <= macLength {
		return ""
	}
	id, _, _ := strings.Cut(value[macLength:], "~")
	return id
}

// An answer is a response that was read to its end.
type answer struct {
	asked  string
	status int
	header http.Header
	set    []*http.Cookie
	body   string
}

type option func(*http.Request)

func withHeader(key, value string) option {
	return func(r *http.Request) { r.Header.Set(key, value) }
}

func withContext(ctx context.Context) option {
	return func(r *http.Request) { *r = *r.WithContext(ctx) }
}

// open sends a request and returns the response with its body unread.
func (v *visitor) open(method, path, body string, opts ...option) (*http.Response, error) {
	r, err := http.NewRequest(method, v.d.base+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c := v.jar(); c != nil {
		r.Header.Set("Cookie", c.Name+"="+c.Value)
	}
	for _, o := range opts {
		o(r)
	}
	resp, err := v.d.http.Do(r)
	if err != nil {
		return nil, err
	}
	v.remember(resp)
	return resp, nil
}

func (v *visitor) remember(resp *http.Response) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range resp.Cookies() {
		if c.Value == "" || c.MaxAge < 0 {
			v.cookie = nil
			continue
		}
		v.cookie = c
		if id := idOf(c.Value); id != "" {
			v.d.mu.Lock()
			v.d.ids[id] = true
			v.d.mu.Unlock()
		}
	}
}

// try sends a request and reads the answer.
func (v *visitor) try(method, path, body string, opts ...option) (answer, error) {
	before := v.jar()
	resp, err := v.open(method, path, body, opts...)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: reading the body: %w", method, path, err)
	}
	a := answer{method + " " + path, resp.StatusCode, resp.Header, resp.Cookies(), string(b)}
	v.checkLeaks(a, before, v.jar())
	return a, nil
}

// checkLeaks looks for what no answer may contain.
func (v *visitor) checkLeaks(a answer, cookies ...*http.Cookie) {
	header := a.header.Clone()
	header.Del("Set-Cookie")
	var text strings.Builder
	_ = header.Write(&text) // a Builder does not fail
	text.WriteString(a.body)
	for _, c := range cookies {
		if c != nil && idOf(c.Value) != "" && strings.Contains(text.String(), idOf(c.Value)) {
			v.d.t.Errorf("no answer contains an id: %v\n%s", a, text.String())
		}
	}
	if strings.Contains(text.String(), secret) {
		v.d.t.Errorf("no answer contains a secret: %v", a)
	}
	n := a.header.Get("X-Store-Commands")
	if _, err := strconv.Atoi(n); err != nil {
		v.d.t.Errorf("every response carries X-Store-Commands: %v has %q", a, n)
	}
}

// do is try where a missing answer ends the test.
func (v *visitor) do(t *testing.T, method, path, body string, opts ...option) answer {
	t.Helper()
	a, err := v.try(method, path, body, opts...)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	return a
}

// must is do where any other status ends the test.
func (v *visitor) must(t *testing.T, status int, method, path, body string, opts ...option) answer {
	t.Helper()
	a := v.do(t, method, path, body, opts...)
	a.want(t, status, "the contract's table")
	return a
}

func (a answer) want(t *testing.T, status int, rule string) {
	t.Helper()
	if a.status != status {
		t.Fatalf("%s: %v; want %d", rule, a, status)
	}
}

func (a answer) wantNoCookie(t *testing.T, rule string) {
	t.Helper()
	if len(a.set) != 0 {
		t.Errorf("%s: %v set the cookie %v", rule, a, a.set[0])
	}
}

// json reads the body exactly.
func (a answer) json(t *testing.T, into any) {
	t.Helper()
	if err := a.decode(into); err != nil {
		t.Fatal(err)
	}
}

func (a answer) decode(into any) error {
	if ct := a.header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
		return fmt.Errorf("answers are JSON: %v has Content-Type %q", a, ct)
	}
	dec := json.NewDecoder(strings.NewReader(a.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("answers are JSON of the contract's form: %v: %w", a, err)
	}
	return nil
}

// wantError checks the form of errors.
func (a answer) wantError(t *testing.T, status int, rule string) {
	t.Helper()
	a.want(t, status, rule)
	var e struct {
		Error string `json:"error"`
	}
	if err := a.decode(&e); err != nil {
		t.Errorf(`errors are {"error":"…"}: %v`, err)
	} else if e.Error == "" {
		t.Errorf(`errors are {"error":"…"}: %v names no reason`, a)
	}
}

// number reads {"value":n}.
func (a answer) number() (int, error) {
	var v struct {
		Value *int `json:"value"`
	}
	if err := a.decode(&v); err != nil {
		return 0, err
	}
	if v.Value == nil {
		return 0, fmt.Errorf(`an increment answers {"value":n}: %v`, a)
	}
	return *v.Value, nil
}

type session struct {
	New     bool           `json:"new"`
	Created int64          `json:"created"`
	Timeout float64        `json:"timeout"`
	User    any            `json:"user"`
	Values  map[string]any `json:"values"`
}

func (v *visitor) session(t *testing.T) session {
	t.Helper()
	var s session
	v.must(t, 200, "GET", "/api/session", "").json(t, &s)
	return s
}

func (v *visitor) put(t *testing.T, key, value string) {
	t.Helper()
	v.must(t, 204, "PUT", "/api/values/"+key, value)
}

// increment returns the number that was saved.
func (v *visitor) increment(t *testing.T, key string) int {
	t.Helper()
	n, err := v.must(t, 200, "POST", "/api/values/"+key+"/increment", "").number()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// value returns the JSON under a key.
func (v *visitor) value(t *testing.T, key string) string {
	t.Helper()
	return strings.TrimSpace(v.must(t, 200, "GET", "/api/values/"+key, "").body)
}

func (v *visitor) wantValue(t *testing.T, key, want, rule string) {
	t.Helper()
	a := v.do(t, "GET", "/api/values/"+key, "")
	a.want(t, 200, rule)
	if got := strings.TrimSpace(a.body); got != want {
		t.Errorf("%s: %v, want %s", rule, a, want)
	}
}

// wantStranger checks that the cookie leads to no session.
func (v *visitor) wantStranger(t *testing.T, rule string) {
	t.Helper()
	if s := v.clone().session(t); !s.New || len(s.Values) != 0 {
		t.Errorf("%s: the cookie leads to a session (new: %v, %d values)", rule, s.New, len(s.Values))
	}
}

// A flight is a request under way.
type flight struct {
	answer  answer
	err     error
	took    time.Duration
	landing chan struct{}
}

// send sends a request and does not wait for its answer.
func (v *visitor) send(method, path, body string, opts ...option) *flight {
	f := &flight{landing: make(chan struct{})}
	start := time.Now()
	go func() {
		defer close(f.landing)
		f.answer, f.err = v.try(method, path, body, opts...)
		f.took = time.Since(start)
	}()
	return f
}

func (f *flight) wait(t *testing.T) answer {
	t.Helper()
	<-f.landing
	if f.err != nil {
		t.Fatalf("no answer: %v", f.err)
	}
	return f.answer
}
