package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// TestCalls makes the calls of the contract, each story as one visitor.
func TestCalls(t *testing.T) {
	type step struct {
		method, path, body string
		status             int
		answer             string // "": not looked at
		commands           string // "": not looked at
	}
	for _, story := range []struct {
		rule  string
		steps []step
	}{
		{"values are put, read and deleted", []step{
			{"GET", "/api/values/a", "", 404, `{"error":"the session has no such value"}`, "0"},
			{"PUT", "/api/values/a", `"blue"`, 204, "", "1"},
			{"GET", "/api/values/a", "", 200, `"blue"`, "1"},
			{"PUT", "/api/values/a", `{"b":[1,2.5,null,true,{"c":"<&>"}]}`, 204, "", "2"},
			{"GET", "/api/values/a", "", 200, `{"b":[1,2.5,null,true,{"c":"<&>"}]}`, "1"},
			{"PUT", "/api/values/a", ` null `, 204, "", "2"},
			{"GET", "/api/values/a", "", 200, `null`, "1"},
			{"DELETE", "/api/values/a", "", 204, "", "2"},
			{"DELETE", "/api/values/a", "", 204, "", "1"},
			{"GET", "/api/values/a", "", 404, "", "1"},
		}},
		{"any key works that does not begin with an underscore", []step{
			{"PUT", "/api/values/a%2Fb%20%3F%C3%BC", `1`, 204, "", ""},
			{"GET", "/api/values/a%2Fb%20%3F%C3%BC", "", 200, `1`, ""},
			{"PUT", "/api/values/_x", `1`, 400, "", ""},
			{"PUT", "/api/values/_csrft_", `"mine"`, 400, "", ""},
			{"PUT", "/api/values/_demo_user", `"root"`, 400, "", ""},
			{"DELETE", "/api/values/_demo_user", "", 400, "", ""},
			{"POST", "/api/values/_demo_user/increment", "", 400, "", ""},
			{"POST", "/api/values/_f_/append", `1`, 400, "", ""},
			{"PUT", "/api/values/%FF", `1`, 400, "", ""},
		}},
		{"numbers keep their kind and their digits", []step{
			{"PUT", "/api/values/n", `9223372036854775807`, 204, "", ""},
			{"GET", "/api/values/n", "", 200, `9223372036854775807`, ""},
			{"PUT", "/api/values/n", `[-123456789012345678901234567890, 18446744073709551615]`, 204, "", ""},
			{"GET", "/api/values/n", "", 200, `[-123456789012345678901234567890,18446744073709551615]`, ""},
			{"PUT", "/api/values/n", `0.1`, 204, "", ""},
			{"GET", "/api/values/n", "", 200, `0.1`, ""},
			{"PUT", "/api/values/n", `1e3`, 204, "", ""},
			{"POST", "/api/values/n/increment", "", 200, `{"value":1001}`, ""},
			{"PUT", "/api/values/n", `1e400`, 400, "", ""},
			{"PUT", "/api/values/n", strings.Repeat("9", 1001), 400, "", ""},
		}},
		{"what is not one JSON value is refused", []step{
			{"PUT", "/api/values/a", ``, 400, `{"error":"the body is empty; want JSON"}`, "0"},
			{"PUT", "/api/values/a", `blue`, 400, "", "0"},
			{"PUT", "/api/values/a", `1 2`, 400, `{"error":"there is something after the JSON value"}`, "0"},
			{"PUT", "/api/values/a", `[1`, 400, "", "0"},
			{"PUT", "/api/values/a", `"` + strings.Repeat("x", maxBody) + `"`, 413, "", "0"},
			{"PUT", "/api/values/a", strings.Repeat("[", 100) + strings.Repeat("]", 100), 204, "", ""},
			{"PUT", "/api/values/b", strings.Repeat("[", 101) + strings.Repeat("]", 101), 400, "", ""},
			{"GET", "/api/values/a", "", 200, strings.Repeat("[", 100) + strings.Repeat("]", 100), ""},
		}},
		{"increment adds to an integer and answers what was saved", []step{
			{"POST", "/api/values/n/increment", "", 200, `{"value":1}`, "1"},
			{"POST", "/api/values/n/increment?by=41", "", 200, `{"value":42}`, "2"},
			{"POST", "/api/values/n/increment?by=-50", "", 200, `{"value":-8}`, "2"},
			{"POST", "/api/values/n/increment?by=x", "", 400, `{"error":"by is \"x\"; want an integer of 64 bits"}`, "1"},
			{"POST", "/api/values/n/increment?by=9223372036854775808", "", 400, "", "1"},
			{"PUT", "/api/values/n", `9223372036854775806`, 204, "", ""},
			{"POST", "/api/values/n/increment?by=2", "", 400, `{"error":"n would not fit 64 bits any more; it is as it was"}`, "1"},
			{"GET", "/api/values/n", "", 200, `9223372036854775806`, ""},
			{"PUT", "/api/values/n", `-9223372036854775808`, 204, "", ""},
			{"POST", "/api/values/n/increment?by=-1", "", 400, "", "1"},
			{"PUT", "/api/values/n", `"1"`, 204, "", ""},
			{"POST", "/api/values/n/increment", "", 400, `{"error":"n is no integer of 64 bits"}`, "1"},
			{"PUT", "/api/values/n", `null`, 204, "", ""},
			{"POST", "/api/values/n/increment", "", 400, "", "1"},
			{"PUT", "/api/values/n", `1.5`, 204, "", ""},
			{"POST", "/api/values/n/increment", "", 400, "", "1"},
			{"PUT", "/api/values/n", `true`, 204, "", ""},
			{"POST", "/api/values/n/increment", "", 400, "", "1"},
			{"PUT", "/api/values/n", `99999999999999999999`, 204, "", ""},
			{"POST", "/api/values/n/increment", "", 400, "", "1"},
		}},
		{"append alters a list in place", []step{
			{"POST", "/api/values/l/append", `1`, 200, `{"value":[1]}`, "1"},
			{"POST", "/api/values/l/append", `{"a":[]}`, 200, `{"value":[1,{"a":[]}]}`, "2"},
			{"GET", "/api/values/l", "", 200, `[1,{"a":[]}]`, "1"},
			{"POST", "/api/values/l/append", ``, 400, "", "1"},
			{"PUT", "/api/values/l", `"text"`, 204, "", ""},
			{"POST", "/api/values/l/append", `1`, 400, `{"error":"l is no list"}`, "1"},
			{"PUT", "/api/values/l", `null`, 204, "", ""},
			{"POST", "/api/values/l/append", `1`, 400, "", "1"},
			{"PUT", "/api/values/l", `[]`, 204, "", ""},
			{"POST", "/api/values/l/append", `1`, 200, `{"value":[1]}`, "2"},
		}},
		{"flash messages are read once", []step{
			{"GET", "/api/flash", "", 200, `{"messages":[]}`, "0"},
			{"POST", "/api/flash", `{"message":"a"}`, 204, "", "1"},
			{"POST", "/api/flash", `{"message":"a","queue":"","allow_duplicate":true}`, 204, "", "2"},
			{"POST", "/api/flash", `{"message":"a","allow_duplicate":false}`, 204, "", "1"},
			{"POST", "/api/flash", `{"message":"n","queue":"news"}`, 204, "", "2"},
			{"GET", "/api/flash?queue=", "", 200, `{"messages":["a","a"]}`, "1"},
			{"DELETE", "/api/flash", "", 200, `{"messages":["a","a"]}`, "2"},
			{"DELETE", "/api/flash", "", 200, `{"messages":[]}`, "1"},
			{"GET", "/api/flash?queue=news", "", 200, `{"messages":["n"]}`, "1"},
			{"POST", "/api/flash", `{"queue":"news"}`, 400, "", "1"},
			{"POST", "/api/flash", `{"message":"a","typo":1}`, 400, "", "1"},
			{"POST", "/api/flash", `{"message":1}`, 400, "", "1"},
			{"GET", "/api/values/_f_news", "", 404, "", "1"},
		}},
		{"login and renewal keep the values, logout ends the session", []step{
			{"PUT", "/api/values/a", `1`, 204, "", "1"},
			{"POST", "/api/login", `{"user":""}`, 400, "", "1"},
			{"POST", "/api/login", `{}`, 400, "", "1"},
			{"POST", "/api/login", `{"user":" ada "}`, 204, "", "4"},
			{"POST", "/api/renew", "", 204, "", "4"},
			{"GET", "/api/values/a", "", 200, `1`, "1"},
			{"GET", "/api/values/_demo_user", "", 404, "", "1"},
			{"POST", "/api/logout", "", 204, "", "2"},
			{"GET", "/api/values/a", "", 404, "", "0"},
			{"POST", "/api/logout", "", 204, "", "0"},
			{"POST", "/api/renew", "", 204, "", "0"},
		}},
		{"a time-out is a positive number of seconds", []step{
			{"PUT", "/api/timeout", `{"seconds":0}`, 400, "", "0"},
			{"PUT", "/api/timeout", `{"seconds":-1}`, 400, "", "0"},
			{"PUT", "/api/timeout", `{"seconds":1e300}`, 400, "", "0"},
			{"PUT", "/api/timeout", `{"seconds":"60"}`, 400, "", "0"},
			{"PUT", "/api/timeout", `{}`, 400, "", "0"},
			{"PUT", "/api/timeout", `{"seconds":60}`, 204, "", "1"},
			{"PUT", "/api/timeout", `{"seconds":1.5}`, 204, "", "2"},
		}},
		{"late counts up after the answer", []step{
			{"PUT", "/api/values/a", `1`, 204, "", ""},
			{"GET", "/api/late", "", 200, "", "1"},
			{"GET", "/api/values/late", "", 200, `1`, ""},
			{"GET", "/api/late", "", 200, "", "1"},
			{"GET", "/api/values/late", "", 200, `2`, ""},
		}},
		{"parameters are checked before anything happens", []step{
			{"GET", "/api/stream?n=x", "", 400, "", "0"},
			{"GET", "/api/stream?n=10001", "", 400, "", "0"},
			{"GET", "/api/stream?every=1", "", 400, "", "0"},
			{"GET", "/api/stream?every=-1s", "", 400, "", "0"},
			{"PUT", "/api/values/a?hold=1", `1`, 400, "", "0"},
			{"PUT", "/api/values/a?hold=61s", `1`, 400, "", "0"},
			{"GET", "/api/values/a", "", 404, "", "0"},
		}},
		{"what has no route is answered in JSON too", []step{
			{"GET", "/api/nothing", "", 404, `{"error":"there is nothing at this address"}`, "0"},
			{"PATCH", "/api/session", "", 405, `{"error":"this address takes GET, HEAD"}`, "0"},
			{"GET", "/api/values/", "", 404, "", "0"},
		}},
		{"the store answers", []step{{"GET", "/healthz", "", 200, `{"store":"ok"}`, "1"}}},
	} {
		t.Run(story.rule, func(t *testing.T) {
			v := visit(t, sojourn.Options{})
			for i, s := range story.steps {
				got := v.call(s.method, s.path, s.body)
				at := fmt.Sprintf("step %d, %s %s", i+1, s.method, s.path)
				if got.status != s.status || s.answer != "" && got.body != s.answer {
					t.Fatalf("%s answered %d %.200s; want %d %.200s", at, got.status, got.body, s.status, s.answer)
				}
				if c := got.header.Get(costHeader); s.commands != "" && c != s.commands {
					t.Errorf("%s cost %s store commands; want %s", at, c, s.commands)
				}
				if got.status >= 400 {
					checkError(t, got)
				}
			}
		})
	}
}

func checkError(t *testing.T, got response) {
	t.Helper()
	var body map[string]string
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || body["error"] == "" || len(body) != 1 {
		t.Errorf(`an error is answered with %s; want {"error":"…"}`, got.body)
	}
	if ct := got.header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("an error has the Content-Type %q; want application/json", ct)
	}
}

func TestSessionShowsWhatItHoldsAndMakesNothing(t *testing.T) {
	v := visit(t, sojourn.Options{IdleTimeout: 10 * time.Minute})
	read := func() (info sessionInfo) {
		t.Helper()
		got := v.call("GET", "/api/session", "")
		if err := json.Unmarshal([]byte(got.body), &info); err != nil || got.status != 200 {
			t.Fatalf("answered %d %s", got.status, got.body)
		}
		return info
	}
	if info := read(); !info.New || info.User != nil || len(info.Values) != 0 || info.Timeout != 600 {
		t.Errorf("a stranger's session is shown as %+v", info)
	}
	if len(v.cookies()) != 0 {
		t.Error("reading sent a cookie")
	}
	before := time.Now().Unix()
	v.call("PUT", "/api/values/a", `1`)
	v.call("POST", "/api/flash", `{"message":"hidden"}`)
	v.call("POST", "/api/login", `{"user":"ada"}`)
	v.call("PUT", "/api/timeout", `{"seconds":1.5}`)
	info := read()
	if info.New || info.User == nil || *info.User != "ada" || info.Timeout != 1.5 || len(info.Values) != 1 || info.Values["a"] != 1.0 {
		t.Errorf("the session is shown as %+v", info)
	}
	if info.Created < before || info.Created > time.Now().Unix() {
		t.Errorf("created is %d; want the present, %d", info.Created, before)
	}
	if id := v.cookies()[0].Value; strings.Contains(v.call("GET", "/api/session", "").body, id[:20]) {
		t.Error("the answer holds the id")
	}
}

func TestTokenProtects(t *testing.T) {
	v := visit(t, sojourn.Options{})
	token := func(method string) string {
		t.Helper()
		var body struct{ Token string }
		got := v.call(method, "/api/csrf", "")
		if err := json.Unmarshal([]byte(got.body), &body); err != nil || body.Token == "" {
			t.Fatalf("answered %d %s", got.status, got.body)
		}
		return body.Token
	}
	v.want(v.call("POST", "/api/protected", ""), 403, "")
	first := token("GET")
	if again := token("GET"); again != first {
		t.Error("the token changed between two reads")
	}
	v.want(v.call("POST", "/api/protected", "", "X-CSRF-Token", first), 204, "")
	v.want(v.call("POST", "/api/protected", "", "X-CSRF-Token", first+"x"), 403, "")
	second := token("POST")
	v.want(v.call("POST", "/api/protected", "", "X-CSRF-Token", first), 403, "")
	v.want(v.call("POST", "/api/protected", "", "X-CSRF-Token", second), 204, "")
	v.call("POST", "/api/login", `{"user":"ada"}`)
	v.want(v.call("POST", "/api/protected", "", "X-CSRF-Token", second), 403, "")
}

func TestOtherSitesAreRefused(t *testing.T) {
	v := visit(t, sojourn.Options{})
	got := v.call("PUT", "/api/values/a", `1`, "Sec-Fetch-Site", "cross-site")
	v.want(got, 403, "")
	checkError(t, got)
	v.want(v.call("PUT", "/api/values/a", `1`, "Origin", "https://evil.example"), 403, "")
	v.want(v.call("PUT", "/api/values/a", `1`, "Sec-Fetch-Site", "same-origin"), 204, "")
}

func TestParallelIncrementsGetDifferentAnswers(t *testing.T) {
	const n = 1000
	v := visit(t, sojourn.Options{})
	v.call("PUT", "/api/values/n", `0`)
	var wg sync.WaitGroup
	answers := make(chan string, n)
	room := make(chan struct{}, 50)
	for range n {
		wg.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			answers <- v.call("POST", "/api/values/n/increment", "").body
		})
	}
	wg.Wait()
	close(answers)
	different := make(map[string]bool)
	for a := range answers {
		different[a] = true
	}
	if len(different) != n {
		t.Errorf("%d calls got %d different answers", n, len(different))
	}
	v.want(v.call("GET", "/api/values/n", ""), 200, fmt.Sprint(n))
}

func TestHoldMakesRequestsOverlap(t *testing.T) {
	v := visit(t, sojourn.Options{})
	v.call("PUT", "/api/values/first", `1`)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range 5 {
		wg.Go(func() {
			v.want(v.call("PUT", fmt.Sprintf("/api/values/k%d?hold=200ms", i), `1`), 204, "")
		})
	}
	wg.Wait()
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("five held calls took %v", took)
	}
	var info sessionInfo
	_ = json.Unmarshal([]byte(v.call("GET", "/api/session", "").body), &info)
	if len(info.Values) != 6 {
		t.Errorf("the session holds %v; want six values", info.Values)
	}
}

func TestClientThatHangsUpDoesNotCancelItsChange(t *testing.T) {
	v := visit(t, sojourn.Options{})
	v.call("PUT", "/api/values/a", `1`)
	ctx, hangUp := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "POST", v.url+"/api/values/n/increment?hold=100ms", nil)
	loads := v.store.loads.Load()
	failed := make(chan error, 1)
	go func() {
		_, err := v.client.Do(r)
		failed <- err
	}()
	for v.store.loads.Load() == loads {
		time.Sleep(time.Millisecond)
	}
	hangUp()
	if <-failed == nil {
		t.Fatal("the answer came before the client hung up")
	}
	for deadline := time.Now().Add(5 * time.Second); v.call("GET", "/api/values/n", "").body != "1"; {
		if time.Now().After(deadline) {
			t.Fatal("the change was not made")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestChangeOfAnEndedSessionIsRefused(t *testing.T) {
	v := visit(t, sojourn.Options{})
	v.call("PUT", "/api/values/a", `1`)
	held := make(chan response, 1)
	// The held request takes the cookie with it before the logout.
	r, _ := http.NewRequest("PUT", v.url+"/api/values/a?hold=300ms", strings.NewReader(`2`))
	for _, c := range v.cookies() {
		r.AddCookie(c)
	}
	stranger := v.another()
	loads := v.store.loads.Load()
	go func() { held <- stranger.send(r) }()
	for v.store.loads.Load() == loads {
		time.Sleep(time.Millisecond)
	}
	v.want(v.call("POST", "/api/logout", ""), 204, "")
	got := <-held
	v.want(got, 409, "")
	checkError(t, got)
	if len(stranger.cookies()) != 0 {
		t.Error("the refused request got a cookie")
	}
}

func TestStreamIsSavedBeforeItsFirstByte(t *testing.T) {
	v := visit(t, sojourn.Options{})
	r, _ := http.NewRequest("GET", v.url+"/api/stream?n=3&every=300ms", nil)
	answer, err := v.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	// The header is here, the last event is not: read by another request.
	v.want(v.call("GET", "/api/values/streamed", ""), 200, "true")
	if c := answer.Header.Get(costHeader); c != "1" {
		t.Errorf("the stream cost %s store commands; want 1", c)
	}
	if ct := answer.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("the stream has the Content-Type %q", ct)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || strings.Count(string(body), "\ndata: ") != 3 {
		t.Errorf("the stream was %q, %v; want three events", body, err)
	}
}

func TestStoreThatIsDownIsSaidSo(t *testing.T) {
	v := visit(t, sojourn.Options{StoreTimeout: 300 * time.Millisecond})
	v.call("PUT", "/api/values/a", `1`)
	v.store.down.Store(true)
	for _, c := range [][2]string{
		{"GET", "/api/session"}, {"PUT", "/api/values/a"}, {"POST", "/api/values/a/increment"}, {"GET", "/healthz"},
		{"GET", "/api/stream"}, {"POST", "/api/logout"},
	} {
		got := v.call(c[0], c[1], `1`)
		v.want(got, 503, "")
		checkError(t, got)
		if strings.Contains(got.body, "redis.internal") {
			t.Errorf("%s %s tells where the store is: %s", c[0], c[1], got.body)
		}
	}
	stranger := v.another()
	for _, c := range [][2]string{{"PUT", "/api/values/a"}, {"GET", "/api/stream"}} {
		got := stranger.call(c[0], c[1], `1`)
		v.want(got, 503, "")
		checkError(t, got)
	}
	if len(stranger.cookies()) != 0 {
		t.Error("a session that was not stored got a cookie")
	}
	v.store.down.Store(false)
	v.want(v.call("GET", "/api/values/a", ""), 200, "1")
}

func TestJSONCodec(t *testing.T) {
	v := visit(t, sojourn.Options{Codec: sojourn.JSON})
	v.want(v.call("PUT", "/api/values/n", `[1,9223372036854775807,1.5,"x",null,{"a":true}]`), 204, "")
	v.want(v.call("GET", "/api/values/n", ""), 200, `[1,9223372036854775807,1.5,"x",null,{"a":true}]`)
	v.want(v.call("POST", "/api/values/n/append", `[2]`), 200, `{"value":[1,9223372036854775807,1.5,"x",null,{"a":true},[2]]}`)
	v.want(v.call("POST", "/api/values/i/increment?by=9223372036854775807", ""), 200, `{"value":9223372036854775807}`)
	v.want(v.call("PUT", "/api/values/big", `18446744073709551616`), 204, "")
	v.want(v.call("GET", "/api/values/big", ""), 200, `18446744073709552000`)
	v.want(v.call("POST", "/api/values/s/increment", ""), 200, `{"value":1}`)
}

func TestRefreshBelowCostsNothingUntilItIsReached(t *testing.T) {
	v := visit(t, sojourn.Options{IdleTimeout: time.Hour, RefreshBelow: 10 * time.Minute})
	v.call("PUT", "/api/values/a", `1`)
	if c := v.call("GET", "/api/values/a", "").header.Get(costHeader); c != "1" {
		t.Errorf("a read cost %s store commands; want 1", c)
	}
}
