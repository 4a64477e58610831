package main_test

import (
	"bufio"
	"bytes"
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

func (a answer) String() string {
	return fmt.Sprintf("%s answered %d %s", a.asked, a.status, strings.TrimSpace(a.body))
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
