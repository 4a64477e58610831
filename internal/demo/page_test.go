package demo

import (
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// post sends a form; the client follows the redirect, as a browser does.
func (v *visitor) post(path string, fields ...string) response {
	v.t.Helper()
	form := make(url.Values)
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return v.call("POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func (v *visitor) shows(got response, texts ...string) {
	v.t.Helper()
	if got.status != http.StatusOK {
		v.t.Errorf("answered %d %s", got.status, got.body)
	}
	for _, text := range texts {
		if !strings.Contains(got.body, text) {
			v.t.Errorf("the page does not show %q", text)
		}
	}
}

func TestPageOfAStrangerMakesNothing(t *testing.T) {
	v := visit(t, sojourn.Options{})
	got := v.call("GET", "/", "")
	v.shows(got, "You are new here", "Nothing is stored for you", "20 min after the last use", "24 h from its beginning", "0 store commands")
	if got.header.Get(costHeader) != "0" || len(v.cookies()) != 0 {
		t.Errorf("the page cost %s store commands and left %d cookies; want none", got.header.Get(costHeader), len(v.cookies()))
	}
}

func TestFormsWorkWithoutScripts(t *testing.T) {
	v := visit(t, sojourn.Options{})
	v.shows(v.post("/do/set", "key", "colour", "value", "<b>blue"), "Stored colour.", `&#34;&lt;b&gt;blue&#34;`, "You have a session")
	if page := v.call("GET", "/", "").body; strings.Contains(page, "Stored colour.") {
		t.Error("a flash message is shown twice")
	}
	v.shows(v.post("/do/increment", "key", "n"), "n is 1.")
	v.shows(v.post("/do/increment", "key", "n", "value", "41"), "n is 42.")
	v.shows(v.post("/do/append", "key", "l", "value", "[1]"), "Appended to l.", "[[1]]")
	v.shows(v.call("GET", "/?key=l", ""), `name="value" id="value" value="[[1]]"`)
	v.shows(v.post("/do/delete", "key", "l"), "Deleted l.")
	v.shows(v.post("/do/flash", "message", "hello", "queue", "news"), "<li>hello</li>")
	v.shows(v.post("/do/flash", "message", "hello", "queue", "news"), "<ul><li>hello</li></ul>")
	v.shows(v.post("/do/pop", "queue", "news"), "Popped: hello", "No messages wait in this queue.")
	v.shows(v.post("/do/token"), "a new CSRF token")
	v.shows(v.post("/do/timeout", "seconds", "90"), "1 min 30 s after the last use")
	v.shows(v.post("/do/login", "user", "<ada>"), "&lt;ada&gt;", "Welcome.")
	v.shows(v.post("/do/renew"), "a new id")
	v.shows(v.post("/do/logout"), "You are new here")
	if len(v.cookies()) != 0 {
		t.Error("there is a cookie after logging out")
	}
}

func TestFormsRefuseWhatIsWrong(t *testing.T) {
	v := visit(t, sojourn.Options{})
	v.post("/do/set", "key", "text", "value", "blue")
	for _, row := range []struct {
		path   string
		fields []string
		status int
		says   string
	}{
		{"/do/set", []string{"key", "_x", "value", "1"}, 400, "reserved"},
		{"/do/set", []string{"key", "", "value", "1"}, 400, "the key is empty"},
		{"/do/set", []string{"key", "a", "value", strings.Repeat("x", maxBody)}, 413, "more than"},
		{"/do/increment", []string{"key", "text"}, 400, "text is no integer"},
		{"/do/increment", []string{"key", "n", "value", "x"}, 400, "64 bits"},
		{"/do/append", []string{"key", "text", "value", "1"}, 400, "text is no list"},
		{"/do/delete", []string{"key", "<nothing>"}, 400, "no value &lt;nothing&gt;"},
		{"/do/flash", []string{"queue", "x"}, 400, "the message is empty"},
		{"/do/protected", []string{"token", "wrong"}, 403, "CSRF token"},
		{"/do/login", nil, 400, "name"},
		{"/do/timeout", []string{"seconds", "soon"}, 400, "number"},
		{"/do/timeout", []string{"seconds", "NaN"}, 400, "number"},
		{"/do/nothing", nil, 404, "nothing at this address"},
	} {
		got := v.post(row.path, row.fields...)
		if got.status != row.status || !strings.Contains(got.body, row.says) || !strings.HasPrefix(got.body, "<!doctype html>") {
			t.Errorf("%s %.40q answered %d %s; want a page with %d and %q", row.path, row.fields, got.status, got.body, row.status, row.says)
		}
	}
	v.want(v.call("POST", "/do/logout", "", "Sec-Fetch-Site", "cross-site"), 403, "")
	v.want(v.call("GET", "/api/values/text", ""), 200, `"blue"`)
}

func TestPageWhenTheStoreIsDown(t *testing.T) {
	v := visit(t, sojourn.Options{StoreTimeout: 200 * time.Millisecond})
	v.post("/do/set", "key", "a", "value", "1")
	v.store.down.Store(true)
	for _, got := range []response{v.call("GET", "/", ""), v.post("/do/set", "key", "a", "value", "2")} {
		v.want(got, 503, "")
		if !strings.Contains(got.body, "your session is as it was") || strings.Contains(got.body, "redis.internal") {
			t.Errorf("the page says %s", got.body)
		}
	}
	v.store.down.Store(false)
	v.shows(v.call("GET", "/", ""), "You have a session")
}

func TestEveryAnswerForbidsForeignContent(t *testing.T) {
	v := visit(t, sojourn.Options{})
	for _, path := range []string{"/", "/nothing", "/api/session", "/api/nothing", "/static/demo.js", "/healthz"} {
		h := v.call("GET", path, "").header
		if csp := h.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s has the Content-Security-Policy %q", path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") == "" || h.Get(costHeader) == "" {
			t.Errorf("%s lacks a header: %v", path, h)
		}
	}
}

func TestStaticFilesAreCachedAndLeaveTheSessionAlone(t *testing.T) {
	v := visit(t, sojourn.Options{})
	v.call("PUT", "/api/values/a", `1`)
	for name, kind := range map[string]string{"style.css": "text/css", "demo.js": "text/javascript", "icon.svg": "image/svg+xml"} {
		got := v.call("GET", "/static/"+name, "")
		if ct, _, _ := mime.ParseMediaType(got.header.Get("Content-Type")); ct != kind || got.status != 200 {
			t.Errorf("%s is answered with %d as %q; want %q", name, got.status, ct, kind)
		}
		if cc := got.header.Get("Cache-Control"); cc != "public, no-cache" {
			t.Errorf("%s has the Cache-Control %q", name, cc)
		}
		if got.header.Get(costHeader) != "0" || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s touched the session", name)
		}
		v.want(v.call("GET", "/static/"+name, "", "If-None-Match", got.header.Get("ETag")), 304, "")
	}
	page := v.call("GET", "/", "").body
	_, rest, _ := strings.Cut(page, `href="/static/style.css?v=`)
	version, _, _ := strings.Cut(rest, `"`)
	got := v.call("GET", "/static/style.css?v="+version, "")
	if cc := got.header.Get("Cache-Control"); !strings.Contains(cc, "immutable") {
		t.Errorf("the page's own style has the Cache-Control %q; want immutable", cc)
	}
	v.want(v.call("GET", "/static/nothing.js", ""), 404, "")
}

func TestCostWriterPassesOnWhatTheServerCanDo(t *testing.T) {
	w := httptest.NewRecorder()
	c := new(cost)
	cw := &costWriter{ResponseWriter: w, cost: c}
	cw.WriteHeader(http.StatusEarlyHints)
	if cw.status != 0 {
		t.Error("a 1xx response was taken for the answer")
	}
	c.commands.Add(3)
	_, _ = io.WriteString(cw, "x")
	c.commands.Add(1)
	if got := w.Header().Get(costHeader); got != "3" {
		t.Errorf("the header says %s; want the 3 commands until the first byte", got)
	}
	if err := http.NewResponseController(cw).Flush(); err != nil || !w.Flushed {
		t.Errorf("Flush does not reach the server: %v", err)
	}
}

func TestSpanText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		20 * time.Minute: "20 min", 24 * time.Hour: "24 h", 90 * time.Second: "1 min 30 s", 49 * time.Hour: "2 d 1 h",
		time.Second: "1 s", 1500 * time.Millisecond: "2 s", 250 * time.Millisecond: "250ms", time.Hour + time.Second: "1 h",
	} {
		if got := spanText(d); got != want {
			t.Errorf("spanText(%v) = %q; want %q", d, got, want)
		}
	}
}
