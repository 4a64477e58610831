package sojourn_test

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/internal/redistest"
	"github.com/sojourn-go/sojourn/redisstore"
)

// What each kind of request costs, in commands that Redis receives.
func TestRedisCommandsARequestCosts(t *testing.T) {
	server := redistest.Start(t)
	use := func(fn func(s *sojourn.Session)) func(v *visitor) { return func(v *visitor) { v.do(fn) } }
	many := func(s *sojourn.Session) {
		for i := range 50 {
			s.Set(string(rune('a'+i)), time.Now().UnixNano())
		}
		_ = s.Flash("", "x")
		s.NewCSRFToken()
	}
	tamper := func(v *visitor) {
		for _, c := range v.cookies {
			c.Value = flip(c.Value, 45)
		}
	}
	for _, row := range []struct {
		name  string
		opts  sojourn.Options
		start func(v *visitor) // before counting
		act   func(v *visitor)
		want  redistest.Counts
	}{
		{"not touched, no cookie", sojourn.Options{}, nil,
			func(v *visitor) { v.serve(func(http.ResponseWriter, *http.Request) {}) }, redistest.Counts{}},
		{"not touched, with a cookie", sojourn.Options{}, use(many),
			func(v *visitor) { v.serve(func(http.ResponseWriter, *http.Request) {}) }, redistest.Counts{}},
		{"reading without a cookie", sojourn.Options{}, nil, use(func(s *sojourn.Session) { s.Keys() }), redistest.Counts{}},
		{"reading with a tampered cookie", sojourn.Options{}, func(v *visitor) { v.do(many); tamper(v) },
			use(func(s *sojourn.Session) { s.Keys() }), redistest.Counts{}},
		{"first save", sojourn.Options{}, nil, use(many), redistest.Counts{"SET": 1}},
		{"first save behind a tampered cookie", sojourn.Options{}, func(v *visitor) { v.do(many); tamper(v) },
			use(many), redistest.Counts{"SET": 1}},
		{"reading", sojourn.Options{}, use(many),
			use(func(s *sojourn.Session) {
				for range s.All() {
				}
				_, _ = s.PeekFlash("")
				s.CSRFToken()
			}), redistest.Counts{"GETEX": 1}},
		{"reading and changing", sojourn.Options{}, func(v *visitor) { v.do(many); v.do(many) }, use(many), redistest.Counts{"GETEX": 1, "EVALSHA": 1}},
		{"the first change of a process", sojourn.Options{}, use(many), use(many), redistest.Counts{"GETEX": 1, "EVAL": 1}},
		{"logout", sojourn.Options{}, use(many), use(func(s *sojourn.Session) { s.Invalidate() }), redistest.Counts{"GETEX": 1, "DEL": 1}},
		{"logout and a fresh session", sojourn.Options{}, use(many),
			use(func(s *sojourn.Session) { s.Invalidate(); s.Set("a", 1) }), redistest.Counts{"GETEX": 1, "DEL": 1, "SET": 1}},
		{"login", sojourn.Options{}, use(many),
			use(func(s *sojourn.Session) { _ = s.Renew(); s.Set("user", "ada") }), redistest.Counts{"GETEX": 1, "SET": 1, "EVAL": 1, "DEL": 1}},
		{"reading above the threshold", sojourn.Options{RefreshBelow: time.Minute}, use(many),
			use(func(s *sojourn.Session) { s.Keys() }), redistest.Counts{"GET": 1}},
		{"reading below the threshold", sojourn.Options{IdleTimeout: 4 * time.Second, RefreshBelow: 3900 * time.Millisecond},
			func(v *visitor) { v.do(many); time.Sleep(300 * time.Millisecond) },
			use(func(s *sojourn.Session) { s.Keys() }), redistest.Counts{"GET": 1, "EVAL": 1}},
		{"reading with a time-out of its own", sojourn.Options{}, use(func(s *sojourn.Session) { many(s); _ = s.SetTimeout(time.Hour) }),
			use(func(s *sojourn.Session) { s.Keys() }), redistest.Counts{"GETEX": 1}},
		{"reading without extending", sojourn.Options{Passive: func(*http.Request) bool { return true }}, use(many),
			use(func(s *sojourn.Session) { s.Keys() }), redistest.Counts{"GET": 1}},
		{"reading, no time-out", sojourn.Options{IdleTimeout: sojourn.Never, Lifetime: sojourn.Never}, use(many),
			use(func(s *sojourn.Session) { s.Keys() }), redistest.Counts{"GET": 1}},
		{"refreshing", sojourn.Options{}, use(many), use(func(s *sojourn.Session) { _ = s.Refresh(ctx) }), redistest.Counts{"GETEX": 1, "EVAL": 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := newSiteOn(t, redisFor(t, server), &row.opts).visitor()
			if row.start != nil {
				row.start(v)
			}
			if got := server.Count(func() { row.act(v) }); !maps.Equal(got, row.want) {
				t.Errorf("%v, want %v", got, row.want)
			}
		})
	}
}

func TestWhatRedisHolds(t *testing.T) {
	server := redistest.Start(t)
	for _, row := range []struct {
		name     string
		opts     sojourn.Options
		act      func(s *sojourn.Session)
		min, max time.Duration // of the expiry
	}{
		{"idle", sojourn.Options{}, nil, 19 * time.Minute, 20 * time.Minute},
		{"own", sojourn.Options{}, func(s *sojourn.Session) { _ = s.SetTimeout(time.Minute) }, 50 * time.Second, time.Minute},
		{"absolute before idle", sojourn.Options{Lifetime: time.Minute}, nil, 50 * time.Second, time.Minute},
		{"absolute alone", sojourn.Options{IdleTimeout: sojourn.Never}, nil, 23 * time.Hour, 24 * time.Hour},
	} {
		t.Run(row.name, func(t *testing.T) {
			server.Flush()
			v := newSiteOn(t, redisFor(t, server), &row.opts).visitor()
			var id string
			v.do(func(s *sojourn.Session) { s.Set("a", 1); id, _ = s.EnsureID() })
			if row.act != nil {
				v.do(row.act)
				v.get("a")
			}
			ttl := time.Duration(server.Int("PTTL", "sojourn:"+id)) * time.Millisecond
			if ttl < row.min || ttl > row.max {
				t.Errorf("the key sojourn:<id> expires in %v, want %v to %v", ttl, row.min, row.max)
			}
			if n := server.Int("DBSIZE"); n != 1 {
				t.Errorf("%d keys, want one", n)
			}
		})
	}
}

func TestRedisRestartsAndNobodyIsLoggedOut(t *testing.T) {
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	site := newSiteOn(t, redisFor(t, server), &sojourn.Options{StoreTimeout: 300 * time.Millisecond})
	v := site.visitor().start()
	get := func() (status int) {
		return v.serve(site.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			if a, _ := s.Get("a"); a == nil {
				t.Error("served as a stranger")
			}
		}).ServeHTTP).Code
	}
	server.Stop()
	if got := get(); got != http.StatusServiceUnavailable {
		t.Errorf("while Redis is down: %d, want 503", got)
	}
	server.Restart()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if get() == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the service did not recover")
		}
	}
	server.Pause()
	if got := get(); got != http.StatusServiceUnavailable {
		t.Errorf("while Redis hangs: %d, want 503", got)
	}
	server.Resume()
	for deadline := time.Now().Add(10 * time.Second); get() != http.StatusOK; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the service did not recover")
		}
	}
}

// LRU mode: Redis hears of no expiry, the record alone decides.
func TestExpiryHeldOnlyInTheRecord(t *testing.T) {
	server := redistest.Start(t)
	store, err := redisstore.DialWith(server.URL(), &redisstore.Options{NoExpire: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	site := newSiteOn(t, store, &sojourn.Options{IdleTimeout: 300 * time.Millisecond})
	v := site.visitor()
	var id string
	v.do(func(s *sojourn.Session) { s.Set("a", 1); id, _ = s.EnsureID() })
	v.do(func(s *sojourn.Session) { s.Set("a", 2) })
	if !v.alive() || server.Int("PTTL", "sojourn:"+id) != -1 {
		t.Errorf("Redis was told of an expiry: PTTL %d", server.Int("PTTL", "sojourn:"+id))
	}
	site.heard()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := store.Load(ctx, id, sojourn.Keep); err != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the session does not end")
		}
	}
	if v.alive() || server.Int("EXISTS", "sojourn:"+id) != 1 {
		t.Error("want the session over, and its record left to Redis")
	}
	if invalid, _ := site.heard(); !hears(invalid, sojourn.ErrTimedOut) {
		t.Errorf("OnInvalid %v, want ErrTimedOut", invalid)
	}
}
