package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn/internal/redistest"
)

// The contract tests run the demo as its users do: a process, HTTP, signals.
// They know nothing of its code.

const (
	secret      = "contract-test-secret-0123456789abcdef"
	otherSecret = "contract-test-secret-fedcba9876543210"

	// deadline is how long an answer may take while Redis gives none: the
	// library's 2 s for a load or a commit, and room for a busy machine.
	deadline = 6 * time.Second

	// patience is for everything that only has to come at last.
	patience = 20 * time.Second

	macLength = 43 // of the signature before the id in a cookie
)

// binary builds the demo once, with the race detector, next to the test binary,
// which is where `go test` cleans up.
var binary = sync.OnceValues(func() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), "sojourn-demo")
	out, err := exec.Command("go", "build", "-race", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build -race: %w\n%s", err, out)
	}
	return path, nil
})

// A backend is where a demo keeps its sessions.
type backend struct {
	name  string
	url   string
	redis *redistest.Server // nil: the embedded store
	args  []string          // for the demo
}

// onEachStore runs a test on the embedded store and on Redis.
func onEachStore(t *testing.T, test func(t *testing.T, b backend)) {
	t.Run("memory", func(t *testing.T) { test(t, backend{name: "memory", url: "memory"}) })
	t.Run("redis", func(t *testing.T) { test(t, onRedis(t)) })
}

func onRedis(t *testing.T, args ...string) backend {
	t.Helper()
	srv := redistest.Start(t, args...)
	return backend{name: "redis", url: srv.URL(), redis: srv}
}

func (b backend) start(t *testing.T, args ...string) *demo {
	t.Helper()
	return startDemo(t, append(append([]string{"--store", b.url, "--secret", secret}, b.args...), args...)...)
}

// wantKeys compares the number of records. The embedded store shows nothing.
func (b backend) wantKeys(t *testing.T, n int, rule string) {
	t.Helper()
	if b.redis == nil {
		return
	}
	if got := b.redis.Int("DBSIZE"); got != n {
		t.Errorf("%s: Redis holds %d keys, want %d: %v", rule, got, n, b.redis.Do("KEYS", "*"))
	}
}

// wantGone checks that there is no record under an id, whatever the prefix.
func (b backend) wantGone(t *testing.T, id, rule string) {
	t.Helper()
	if b.redis == nil {
		return
	}
	if keys := b.redis.Do("KEYS", "*"+id+"*").([]any); len(keys) != 0 {
		t.Errorf("%s: a record under the old id is in Redis", rule)
	}
}

// A demo is one running process.
type demo struct {
	t    *testing.T
	base string
	cmd  *exec.Cmd
	http *http.Client
	log  *syncBuffer

	dead chan struct{} // closed when the process has been waited for
	once sync.Once

	mu  sync.Mutex
	ids map[string]bool // seen in cookies
}

var listening = regexp.MustCompile(`listening on (http://[0-9.]+:[0-9]+)`)

// startDemo runs `sojourn demo` and returns once it answers.
func startDemo(t *testing.T, args ...string) *demo {
	t.Helper()
	d := launch(t, append([]string{"demo", "--addr", "127.0.0.1:0"}, args...)...)
	eventually(t, "the demo prints its address when it is ready to answer", func() error {
		if d.exited() {
			t.Fatalf("the demo ended at once, %v:\n%s", d.cmd.ProcessState, d.log)
		}
		m := listening.FindStringSubmatch(d.log.String())
		if m == nil {
			return fmt.Errorf("no \"listening on http://…\" in:\n%s", d.log)
		}
		d.base = m[1]
		return nil
	})
	t.Cleanup(d.stop)
	return d
}

func launch(t *testing.T, args ...string) *demo {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{t: t, cmd: exec.Command(path, args...), log: new(syncBuffer), dead: make(chan struct{}), ids: map[string]bool{}}
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	d.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // it would sleep a second
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait() // ProcessState tells
		close(d.dead)
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		<-d.dead
	})
	d.http = &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 128},
		Timeout:   30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	return d
}

func (d *demo) exited() bool {
	select {
	case <-d.dead:
		return true
	default:
		return false
	}
}

func (d *demo) signal(sig os.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(sig); err != nil {
		d.t.Fatalf("%v: %v", sig, err)
	}
}

// stop ends the process with SIGTERM and looks at how it went.
func (d *demo) stop() {
	d.once.Do(func() {
		if !d.exited() {
			d.http.CloseIdleConnections()
			d.signal(syscall.SIGTERM)
		}
		d.checkEnd("SIGTERM")
	})
}

func (d *demo) checkEnd(sig string) {
	d.t.Helper()
	select {
	case <-d.dead:
	case <-time.After(patience):
		d.t.Errorf("the demo stops cleanly on %s: it still runs after %v:\n%s", sig, patience, d.log)
		return
	}
	log, bad := d.log.String(), []string{}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		bad = append(bad, fmt.Sprintf("the demo stops cleanly on %s: exit code %d (%v), want 0", sig, code, d.cmd.ProcessState))
	}
	for _, word := range []string{"DATA RACE", "panic", "fatal error"} {
		if strings.Contains(log, word) {
			bad = append(bad, fmt.Sprintf("the demo runs without %q", word))
		}
	}
	if strings.Contains(log, secret) {
		bad = append(bad, "no log contains the secret")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range d.ids {
		if strings.Contains(log, id) {
			bad = append(bad, "no log contains an id: "+id)
		}
	}
	if len(bad) != 0 {
		d.t.Errorf("%s:\n%s", strings.Join(bad, "\n"), log)
	}
}

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

func (a answer) String() string {
	return fmt.Sprintf("%s answered %d %s", a.asked, a.status, strings.TrimSpace(a.body))
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

const longAgo = 100 * 24 * time.Hour // a time to live that no demo gives

// watchLoad marks the record of a visitor, and returns a function that waits
// until a request has loaded it, which gives it a new time to live. The
// embedded store shows nothing, so there it is a pause; see heldRow.
func (b backend) watchLoad(t *testing.T, v *visitor) func() {
	t.Helper()
	if b.redis == nil {
		return func() { time.Sleep(250 * time.Millisecond) }
	}
	key := v.key(t)
	if b.redis.Int("PEXPIRE", key, strconv.FormatInt(longAgo.Milliseconds(), 10)) != 1 {
		t.Fatal("the record of the visitor's session is in Redis under prefix + id: there is none")
	}
	return func() {
		t.Helper()
		eventually(t, "a held request loads its session first", func() error {
			if b.redis.Int("PTTL", key) > int(longAgo.Milliseconds()/2) {
				return errors.New("not loaded yet")
			}
			return nil
		})
	}
}

// eventually repeats try until it returns nil.
func eventually(t *testing.T, rule string, try func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("%s: still not after %v: %v", rule, patience, err)
}

// parallel calls fn(0) … fn(n-1) from some goroutines and returns their errors.
func parallel(workers, n int, fn func(i int) error) error {
	var wg sync.WaitGroup
	work := make(chan int)
	errs := make([]error, n)
	for range workers {
		wg.Go(func() {
			for i := range work {
				errs[i] = fn(i)
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	return errors.Join(errs...)
}

// wantOneTo checks that the answers of increments are exactly 1 … n.
func wantOneTo(t *testing.T, n int, got []int, rule string) {
	t.Helper()
	seen := map[int]int{}
	for _, v := range got {
		seen[v]++
	}
	for i := 1; i <= n; i++ {
		if seen[i] != 1 {
			t.Errorf("%s: %d was answered %d times, want once (numbers answered: %d, different ones: %d, greatest %d)",
				rule, i, seen[i], len(got), len(seen), slices.Max(slices.Collect(maps.Keys(seen))))
			return
		}
	}
	if len(got) != n {
		t.Errorf("%s: %d answers, want %d", rule, len(got), n)
	}
}

// syncBuffer is a bytes.Buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// events counts server-sent events up to the end of the body.
func events(r io.Reader) (n int, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data:") {
			n++
		}
	}
	return n, lines.Err()
}
