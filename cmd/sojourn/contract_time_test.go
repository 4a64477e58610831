package main_test

import (
	"strconv"
	"testing"
	"time"
)

func TestContractIdleTimeout(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		v := b.start(t, "--timeout", "2s").visitor()
		v.put(t, "a", `1`)
		if s := v.session(t); s.Timeout != 2 {
			t.Errorf("the session tells its time-out: %v, want 2", s.Timeout)
		}
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if s := v.session(t); s.New {
				t.Fatal("reading extends a session beyond --timeout 2s: it ended")
			}
		}
		idle := time.Now()
		if b.redis != nil {
			if ms := b.redis.Int("PTTL", v.key(t)); ms <= 0 || ms > 2000 {
				t.Errorf("the expiry in Redis is --timeout: %d ms", ms)
			}
			b.redis.Do("PEXPIRE", v.key(t), "300000")
			v.session(t)
			if ms := b.redis.Int("PTTL", v.key(t)); ms <= 0 || ms > 2000 {
				t.Errorf("reading renews the expiry in Redis: %d ms", ms)
			}
			id := v.id(t)
			eventually(t, "an idle session dies in Redis", func() error {
				if b.redis.Int("EXISTS", "sojourn:"+id) == 1 {
					return errString("it is there " + time.Since(idle).String() + " after its last use")
				}
				return nil
			})
		} else {
			time.Sleep(2200 * time.Millisecond) // using it would extend it
		}
		v.wantStranger(t, "--timeout 2s ends a session that was not used for so long")
		v.put(t, "again", `1`)
		if s := v.session(t); s.New || len(s.Values) != 1 {
			t.Errorf("after the time-out the visitor starts anew: %+v", s)
		}
	})
}

func TestContractOwnTimeoutIsKeptByReads(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	d := b.start(t, "--timeout", "3s")
	v := d.visitor()
	v.put(t, "a", `1`)
	early := v.clone() // another window, with the cookie from before
	v.must(t, 204, "PUT", "/api/timeout", `{"seconds":60}`)
	pttl := func(rule string) {
		t.Helper()
		if ms := b.redis.Int("PTTL", v.key(t)); ms <= 50_000 || ms > 60_000 {
			t.Errorf("%s: PTTL is %d ms, want 60 s", rule, ms)
		}
	}
	pttl("PUT /api/timeout sets this session's idle time-out")
	for range 3 {
		b.redis.Do("PEXPIRE", v.key(t), "20000")
		got := b.redis.Count(func() { v.session(t) })
		if got.Total() != 1 {
			t.Errorf("reading a session with a time-out of its own is one command too: %v", got)
		}
		pttl("later reads keep a session's own time-out")
	}
	b.redis.Do("PEXPIRE", v.key(t), "20000")
	v.put(t, "a", `2`)
	pttl("later changes keep a session's own time-out")

	early.session(t)
	pttl("a read with the cookie from before keeps the session's own time-out")
	if got := b.redis.Count(func() { early.session(t) }); got.Total() != 1 {
		t.Errorf("the cookie from before is put right at its first use: then reading sent %v", got)
	}
	v.must(t, 204, "POST", "/api/renew", "")
	pttl("renewal keeps a session's own time-out")
	v.must(t, 204, "PUT", "/api/timeout", `{"seconds":30}`)
	if ms := b.redis.Int("PTTL", v.key(t)); ms > 30_000 || ms < 20_000 {
		t.Errorf("PUT /api/timeout can shorten too: PTTL is %d ms, want 30 s", ms)
	}
}

func TestContractLifetimeEndsConstantUse(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		v := b.start(t, "--lifetime", "2s").visitor()
		start := time.Now()
		v.put(t, "n", `0`)
		made := time.Now()
		id := v.id(t)
		ended := time.Duration(0)
		for i := 0; ended == 0; i++ {
			if since := time.Since(made); since > 2*time.Second+deadline {
				t.Fatalf("--lifetime 2s ends a session in spite of constant use, changes and renewals: it lives after %v", since)
			}
			last := v.clone()
			if s := v.session(t); s.New {
				ended = time.Since(start)
				id = last.id(t)
				break
			}
			switch a := v.do(t, "POST", "/api/values/n/increment", ""); {
			case len(a.set) > 0: // a stranger's by now
				ended, id = time.Since(start), last.id(t)
			case a.status != 200 && a.status != 409:
				t.Fatalf("a session in its lifetime can be used: %v", a)
			}
			if i%20 == 10 && ended == 0 {
				v.do(t, "POST", "/api/renew", "")
			}
			time.Sleep(10 * time.Millisecond)
		}
		if ended < 1990*time.Millisecond {
			t.Errorf("--lifetime 2s does not end a session earlier: it did after %v", ended)
		}
		b.wantGone(t, id, "a session past its lifetime is not kept")
	})
}

func TestContractTimeoutZeroIsNever(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		v := b.start(t, "--timeout", "0").visitor()
		v.put(t, "a", `1`)
		read := func() { v.must(t, 200, "GET", "/api/values/a", "") }
		read()
		if b.redis == nil {
			return
		}
		if got := b.redis.Count(read); got.Total() != 1 {
			t.Errorf("reading a session without an idle time-out is one command: %v", got)
		}
		day := int(24 * time.Hour / time.Millisecond)
		if ms := b.redis.Int("PTTL", v.key(t)); ms < day-60_000 || ms > day {
			t.Errorf("--timeout 0 is never, up to the lifetime of 24h: PTTL is %s ms", strconv.Itoa(ms))
		}
	})
}
