package main_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn/internal/redistest"
)

// The fifth promise: when Redis cannot answer, nobody is taken for a stranger,
// and the visitor's session is still there when Redis is back.
//
// The tests that stop a server are not parallel, so that nobody takes its port.

// durable makes a redis-server keep what it acknowledged.
var durable = []string{"--appendonly", "yes", "--appendfsync", "always"}

// outage are the requests that cannot be answered without the store.
var outage = []struct{ method, path, body string }{
	{"GET", "/api/session", ""},
	{"GET", "/api/values/n", ""},
	{"PUT", "/api/values/b", "1"},
	{"DELETE", "/api/values/n", ""},
	{"POST", "/api/values/n/increment", ""},
	{"POST", "/api/values/list/append", "1"},
	{"POST", "/api/flash", `{"message":"m","queue":"","allow_duplicate":true}`},
	{"GET", "/api/flash", ""},
	{"DELETE", "/api/flash", ""},
	{"GET", "/api/csrf", ""},
	{"POST", "/api/csrf", ""},
	{"POST", "/api/protected", ""},
	{"POST", "/api/login", `{"user":"eve"}`},
	{"POST", "/api/logout", ""},
	{"POST", "/api/renew", ""},
	{"PUT", "/api/timeout", `{"seconds":60}`},
	{"GET", "/api/stream?n=1&every=1ms", ""},
	{"GET", "/api/late", ""},
	{"GET", "/", ""},
}

// duringOutage checks what a visitor with a cookie and one without see.
func duringOutage(t *testing.T, v *visitor) {
	t.Helper()
	cookie := v.jar()
	var flights []*flight
	for _, row := range outage {
		flights = append(flights, v.clone().send(row.method, row.path, row.body))
	}
	firstSave := v.d.visitor().send("PUT", "/api/values/a", "1")
	health := v.d.visitor().send("GET", "/healthz", "")

	// What needs no store does not wait for it either.
	static := staticRef.FindStringSubmatch(v.d.visitor().must(t, 200, "GET", "/", "").body)
	if static == nil {
		t.Fatal("the page of a stranger needs no store")
	}
	for name, free := range map[string]*flight{
		"/static, with a cookie":           v.clone().send("GET", static[1], ""),
		"reading as a stranger":            v.d.visitor().send("GET", "/api/session", ""),
		"reading with a tampered cookie":   tampered(v).send("GET", "/api/session", ""),
		"a stranger's logout":              v.d.visitor().send("POST", "/api/logout", ""),
		"a call that there is not":         v.clone().send("GET", "/api/nothing", ""),
		"another method than there is":     v.clone().send("GET", "/api/login", ""),
		"the page, with a tampered cookie": tampered(v).send("GET", "/", ""),
	} {
		a := free.wait(t)
		if a.status >= 500 {
			t.Errorf("what needs no store answers as usual while Redis does not: %s: %v", name, a)
		}
		if a.header.Get("X-Store-Commands") != "0" {
			t.Errorf("%s needs no store: %v sent %s commands", name, a, a.header.Get("X-Store-Commands"))
		}
	}

	for i, f := range flights {
		a := f.wait(t)
		switch {
		case a.status != 503:
			t.Errorf("while Redis cannot answer, nobody is taken for a stranger: %v; want 503", a)
		case outage[i].path != "/":
			a.wantError(t, 503, "while Redis cannot answer")
		}
		a.wantNoCookie(t, "while Redis cannot answer, nobody loses their cookie")
		if f.took > deadline {
			t.Errorf("503 comes within the configured deadline: %v after %v", a, f.took)
		}
	}
	a := firstSave.wait(t)
	a.wantError(t, 503, "what could not be saved is reported, not swallowed: a first save")
	a.wantNoCookie(t, "no cookie of a session that is not stored")
	a = health.wait(t)
	if a.status != 503 || firstSave.took > deadline || health.took > deadline {
		t.Errorf("/healthz answers 503 within the deadline: %v after %v; first save after %v", a, health.took, firstSave.took)
	}
	if v.jar() != cookie {
		t.Errorf("while Redis cannot answer, nobody loses their cookie: %v", v.jar())
	}
}

// afterOutage waits for the service and checks that v is still logged in.
func afterOutage(t *testing.T, v *visitor, n string) {
	t.Helper()
	eventually(t, "the service answers again when Redis does", func() error {
		a, err := v.d.visitor().try("GET", "/healthz", "")
		if err == nil && a.status != 200 {
			err = a.err()
		}
		return err
	})
	eventually(t, "the visitor's session is still there when Redis is back", func() error {
		a, err := v.try("GET", "/api/session", "")
		if err == nil && a.status != 200 {
			err = a.err()
		}
		return err
	})
	s := v.session(t)
	if s.New || s.User != "ada" {
		t.Fatalf("the visitor's session is still there when Redis is back: %+v", s)
	}
	if got := jsonOf(s.Values["n"]); n != "" && got != n {
		t.Errorf("what was acknowledged is still there when Redis is back: n is %s, want %s", got, n)
	}
	v.increment(t, "n")
	v.must(t, 204, "POST", "/api/renew", "")
	v.must(t, 204, "POST", "/api/logout", "")
}

func TestFaultRedisKilledAndRestarted(t *testing.T) {
	b := onRedis(t, durable...)
	d := b.start(t)
	v := d.visitor()
	v.must(t, 204, "POST", "/api/login", `{"user":"ada"}`)
	v.put(t, "n", `1`)
	held := v.clone()
	loaded := b.watchLoad(t, v)
	f := held.send("POST", "/api/values/n/increment?hold=700ms", "")
	loaded()
	b.redis.Stop()
	duringOutage(t, v)
	f.wait(t).wantError(t, 503, "a save that meets a dead Redis is reported")
	b.redis.Start()
	afterOutage(t, v, `1`)
}

func TestFaultRedisRestartedBetweenRequests(t *testing.T) {
	b := onRedis(t, durable...)
	v := b.start(t).visitor()
	v.put(t, "n", `0`)
	last := 0
	for range 5 {
		b.redis.Restart() // connections are stale, scripts are forgotten
		unknown := 0
		var n int
		eventually(t, "the service gets over a restart of Redis", func() (err error) {
			if n, err = v.tryIncrement("n", ""); err != nil {
				unknown++
			}
			return err
		})
		if n <= last || n > last+1+unknown {
			t.Errorf("increments are neither lost nor doubled by restarts: %d after %d, with %d unknown", n, last, unknown)
		}
		last = n
	}
}

// Redis without persistence comes back empty: then the visitor is a stranger,
// and can store at once.
func TestFaultRedisLosesItsMemory(t *testing.T) {
	b := onRedis(t)
	v := b.start(t).visitor()
	v.put(t, "n", `1`)
	b.redis.Restart()
	eventually(t, "the service gets over a restart of Redis", func() error {
		a, err := v.try("GET", "/api/session", "")
		if err == nil && a.status != 200 {
			err = a.err()
		}
		return err
	})
	v.wantStranger(t, "a session that Redis has lost is not there")
	old := v.id(t)
	v.put(t, "n", `2`)
	if v.id(t) == old {
		t.Error("an id that has no record is never adopted")
	}
	v.wantValue(t, "n", `2`, "after a restart sessions are stored again")
}

func TestFaultRedisHangs(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	d := b.start(t)
	v := d.visitor()
	v.must(t, 204, "POST", "/api/login", `{"user":"ada"}`)
	v.put(t, "n", `1`)
	b.redis.Pause()
	defer b.redis.Resume()
	duringOutage(t, v)
	b.redis.Resume()
	// Redis now executes what the service has given up: it may have been told
	// of an increment, a deletion, or a logout, but each of them answered 503
	// at its load, so nothing of it was sent.
	afterOutage(t, v, `1`)
}

// What was sent and not answered may take effect later, at most once.
func TestFaultRedisHangsBetweenLoadAndSave(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	v := b.start(t).visitor()
	v.must(t, 204, "POST", "/api/login", `{"user":"ada"}`)
	v.put(t, "n", `10`)
	const unknown = 8
	loaded := b.watchLoad(t, v)
	var flights []*flight
	for range unknown {
		flights = append(flights, v.clone().send("POST", "/api/values/n/increment?hold=700ms", ""))
	}
	loaded()
	// All of them have loaded when a later request of theirs has been answered.
	if err := parallel(unknown, unknown, func(int) error { _, err := v.try("GET", "/api/session", ""); return err }); err != nil {
		t.Fatal(err)
	}
	b.redis.Pause()
	defer b.redis.Resume()
	acknowledged := 0
	for _, f := range flights {
		switch a := f.wait(t); a.status {
		case 200:
			acknowledged++
		case 503:
			a.wantError(t, 503, "a save whose answer does not come is reported")
		default:
			t.Errorf("a save whose answer does not come is 503: %v", a)
		}
	}
	b.redis.Resume()
	var s session
	eventually(t, "the service answers again when Redis does", func() error {
		a, err := v.try("GET", "/api/session", "")
		if err == nil && a.status != 200 {
			return a.err()
		}
		if err == nil {
			err = a.decode(&s)
		}
		return err
	})
	n, _ := s.Values["n"].(float64)
	if int(n) < 10+acknowledged || int(n) > 10+unknown {
		t.Errorf("an increment is neither lost nor doubled: %v, want between %d and %d", n, 10+acknowledged, 10+unknown)
	}
}

// StoreTimeout bounds every load and every commit, 2 s by default, also when
// many requests to one session wait for each other: that may not double it.
func TestFaultRedisHangsUnderLoad(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	d := b.start(t)
	visitors := make([]*visitor, 4)
	for i := range visitors {
		visitors[i] = d.visitor()
		visitors[i].put(t, "n", `0`)
	}
	var paused atomic.Int64 // when, unix nanoseconds; 0: not yet
	var acknowledged atomic.Int64
	slowest := make([]time.Duration, 8*len(visitors))
	done := make(chan error, 1)
	go func() {
		done <- parallel(len(slowest), len(slowest), func(i int) error {
			v := visitors[i%len(visitors)]
			for {
				a, err := v.clone().try("POST", "/api/values/n/increment", "")
				if err != nil || a.status != 200 && a.status != 503 {
					return fmt.Errorf("%v, %w", a, err)
				}
				acknowledged.Add(1)
				if at := paused.Load(); at != 0 {
					slowest[i] = time.Since(time.Unix(0, at))
					return nil
				}
			}
		})
	}()
	eventually(t, "increments succeed", func() error {
		if acknowledged.Load() < 500 {
			return errors.New("few")
		}
		return nil
	})
	b.redis.Pause()
	defer b.redis.Resume()
	paused.Store(time.Now().UnixNano())
	if err := <-done; err != nil {
		t.Errorf("while Redis hangs an increment answers 503: %v", err)
	}
	const storeTimeout = 2 * time.Second
	if worst := slices.Max(slowest); worst >= 2*storeTimeout {
		t.Errorf("StoreTimeout (2s) bounds every commit, also of those who wait for others: 503 came %v after Redis hung", worst)
	}
}

func TestFaultDemoStartsBeforeRedis(t *testing.T) {
	srv := redistest.Reserve(t)
	b := backend{name: "redis", url: srv.URL(), redis: srv}
	d := b.start(t)
	v := d.visitor()
	v.must(t, 200, "GET", "/", "")
	a := v.must(t, 503, "GET", "/healthz", "")
	_ = a
	v.do(t, "PUT", "/api/values/a", `1`).wantError(t, 503, "before Redis is there")
	v.must(t, 200, "GET", "/api/session", "").wantNoCookie(t, "before Redis is there")

	srv.Start()
	eventually(t, "the demo serves as soon as Redis is there", func() error {
		a, err := v.try("PUT", "/api/values/a", `1`)
		if err == nil && a.status != 204 {
			err = a.err()
		}
		return err
	})
	v.wantValue(t, "a", `1`, "the demo serves as soon as Redis is there")
	v.must(t, 200, "GET", "/healthz", "")
}

// A Redis that comes and goes while many use it: nothing acknowledged is lost,
// nothing is doubled, nobody is a stranger.
func TestFaultRedisComesAndGoes(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	p := redistest.NewProxy(t, b.redis.Addr())
	b.url = b.redis.URLFor(p.Addr())
	v := b.start(t).visitor()
	v.put(t, "n", `0`)
	var stop atomic.Bool
	var acknowledged, unknown, strangers atomic.Int64
	done := make(chan error, 1)
	go func() {
		done <- parallel(8, 8, func(int) error {
			w := v.clone()
			for !stop.Load() {
				a, err := w.clone().try("POST", "/api/values/n/increment", "")
				switch {
				case err != nil:
					return err
				case a.status == 200 && len(a.set) == 0:
					acknowledged.Add(1)
				case a.status == 503:
					unknown.Add(1)
				default:
					strangers.Add(1)
					return a.err()
				}
			}
			return nil
		})
	}()
	for range 8 {
		acked := acknowledged.Load()
		eventually(t, "the service answers again when Redis does", func() error {
			if acknowledged.Load() < acked+20 {
				return errString("few increments succeed")
			}
			return nil
		})
		p.CutAll()
	}
	stop.Store(true)
	if err := <-done; err != nil {
		t.Errorf("connections that break make an increment fail with 503 at worst: %v", err)
	}
	n := int64(atoi(t, v.value(t, "n")))
	if n < acknowledged.Load() || n > acknowledged.Load()+unknown.Load() {
		t.Errorf("increments are neither lost nor doubled: %d, with %d acknowledged and %d unknown", n, acknowledged.Load(), unknown.Load())
	}
}
