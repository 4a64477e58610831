package sojourn_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
)

// alive reports whether v's session is still there, in a request that uses it.
func (v *visitor) alive() bool { return v.get("a") != nil }

func (v *visitor) start() *visitor {
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	return v
}

func TestTimeouts(t *testing.T) {
	type step struct {
		wait  time.Duration
		alive bool
	}
	for _, row := range []struct {
		name  string
		opts  sojourn.Options
		act   func(s *sojourn.Session)
		steps []step
	}{
		{"idle by default 20 minutes", sojourn.Options{}, nil,
			[]step{{19 * time.Minute, true}, {19 * time.Minute, true}, {21 * time.Minute, false}}},
		{"idle", sojourn.Options{IdleTimeout: time.Minute}, nil,
			[]step{{50 * time.Second, true}, {50 * time.Second, true}, {61 * time.Second, false}}},
		{"idle never", sojourn.Options{IdleTimeout: sojourn.Never}, nil,
			[]step{{23 * time.Hour, true}, {61 * time.Minute, false}}},
		{"absolute by default 24 hours", sojourn.Options{IdleTimeout: 10 * time.Hour}, nil,
			[]step{{9 * time.Hour, true}, {9 * time.Hour, true}, {5*time.Hour + 59*time.Minute, true}, {2 * time.Minute, false}}},
		{"absolute", sojourn.Options{Lifetime: time.Hour}, nil,
			[]step{{19 * time.Minute, true}, {19 * time.Minute, true}, {19 * time.Minute, true}, {4 * time.Minute, false}}},
		{"neither", sojourn.Options{IdleTimeout: sojourn.Never, Lifetime: sojourn.Never}, nil,
			[]step{{300 * time.Hour, true}, {300 * time.Hour, true}}},
		{"absolute only by renewal", sojourn.Options{Lifetime: time.Hour}, func(s *sojourn.Session) { _ = s.Renew() },
			[]step{{19 * time.Minute, true}, {19 * time.Minute, true}, {19 * time.Minute, true}, {4 * time.Minute, false}}},
		{"own, shorter", sojourn.Options{}, func(s *sojourn.Session) { _ = s.SetTimeout(time.Minute) },
			[]step{{50 * time.Second, true}, {50 * time.Second, true}, {61 * time.Second, false}}},
		{"own, longer", sojourn.Options{IdleTimeout: time.Minute}, func(s *sojourn.Session) { _ = s.SetTimeout(time.Hour) },
			[]step{{50 * time.Minute, true}, {50 * time.Minute, true}, {61 * time.Minute, false}}},
		{"own, never", sojourn.Options{IdleTimeout: time.Minute}, func(s *sojourn.Session) { _ = s.SetTimeout(sojourn.Never) },
			[]step{{23 * time.Hour, true}, {61 * time.Minute, false}}},
		{"own, of a manager without", sojourn.Options{IdleTimeout: sojourn.Never}, func(s *sojourn.Session) { _ = s.SetTimeout(time.Minute) },
			[]step{{50 * time.Second, true}, {50 * time.Second, true}, {61 * time.Second, false}}},
		{"own deadline", sojourn.Options{}, func(s *sojourn.Session) { s.SetDeadline(time.Now().Add(time.Hour)) },
			[]step{{19 * time.Minute, true}, {19 * time.Minute, true}, {19 * time.Minute, true}, {4 * time.Minute, false}}},
		{"own deadline beyond the manager's", sojourn.Options{Lifetime: time.Hour, IdleTimeout: 2 * time.Hour}, func(s *sojourn.Session) { s.SetDeadline(time.Now().Add(3 * time.Hour)) },
			[]step{{59 * time.Minute, true}, {2 * time.Minute, false}}},
		{"threshold", sojourn.Options{IdleTimeout: time.Hour, RefreshBelow: 30 * time.Minute}, nil,
			[]step{{29 * time.Minute, true}, {32 * time.Minute, false}}},
		{"threshold reached", sojourn.Options{IdleTimeout: time.Hour, RefreshBelow: 30 * time.Minute}, nil,
			[]step{{31 * time.Minute, true}, {59 * time.Minute, true}, {61 * time.Minute, false}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newSite(t, &row.opts).visitor().start()
				if row.act != nil {
					v.do(row.act)
				}
				for i, step := range row.steps {
					time.Sleep(step.wait)
					if got := v.alive(); got != step.alive {
						t.Fatalf("step %d, after %v: alive %v, want %v", i, step.wait, got, step.alive)
					}
				}
			})
		})
	}
}

// The idle limit holds however an older cookie is used: that of the time
// before the session got its own time-out.
func TestAnOldCookieDoesNotBringBackTheOldTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, nil)
		v := site.visitor().start()
		old := v.clone()
		v.do(func(s *sojourn.Session) { _ = s.SetTimeout(time.Minute) })
		site.store.count()
		if w := old.do(func(s *sojourn.Session) { s.Keys() }); w.Header().Get("Set-Cookie") == "" {
			t.Error("the old cookie was not replaced by one that knows the time-out")
		}
		if got := site.store.count(); !maps.Equal(got, map[string]int{"load": 1, "touch": 1}) {
			t.Errorf("calls %v, want a touch to put the expiry right", got)
		}
		time.Sleep(61 * time.Second)
		if v.alive() {
			t.Error("the session outlived its own time-out")
		}
	})
}

func TestTimeoutAndDeadlineAreToldToTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newSite(t, nil).visitor().start()
		start := time.Now()
		v.do(func(s *sojourn.Session) {
			if s.Timeout() != 20*time.Minute || !s.Deadline().Equal(start.Add(24*time.Hour)) {
				t.Errorf("Timeout %v, Deadline %v", s.Timeout(), s.Deadline())
			}
			for _, bad := range []time.Duration{-time.Second, 200 * 365 * 24 * time.Hour} {
				if err := s.SetTimeout(bad); err == nil || !strings.Contains(err.Error(), "SetTimeout") {
					t.Errorf("SetTimeout(%v) = %v", bad, err)
				}
				if err := s.SetCookieMaxAge(bad); err == nil || !strings.Contains(err.Error(), "SetCookieMaxAge") {
					t.Errorf("SetCookieMaxAge(%v) = %v", bad, err)
				}
			}
			_ = s.SetTimeout(time.Hour)
			s.SetDeadline(start.Add(time.Hour))
		})
		v.do(func(s *sojourn.Session) {
			if s.Timeout() != time.Hour || !s.Deadline().Equal(start.Add(time.Hour)) {
				t.Errorf("own: Timeout %v, Deadline %v", s.Timeout(), s.Deadline())
			}
			_ = s.SetTimeout(0)
			s.SetDeadline(time.Time{})
		})
		v.do(func(s *sojourn.Session) {
			if s.Timeout() != 20*time.Minute || !s.Deadline().Equal(start.Add(24*time.Hour)) {
				t.Errorf("taken back: Timeout %v, Deadline %v", s.Timeout(), s.Deadline())
			}
		})
	})
}

func TestPassiveRequestsDoNotExtendTheSession(t *testing.T) {
	passive := func(site *site, v *visitor, fn func(s *sojourn.Session)) {
		v.serve(func(w http.ResponseWriter, r *http.Request) {
			s, err := site.Peek(r)
			if err != nil {
				t.Error(err)
				return
			}
			fn(s)
		})
	}
	for name, act := range map[string]func(s *sojourn.Session){
		"reading": func(s *sojourn.Session) { s.Keys() },
		"writing": func(s *sojourn.Session) { s.Set("b", time.Now()) },
	} {
		for _, threshold := range []time.Duration{0, 15 * time.Minute} {
			t.Run(name+" "+threshold.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					site := newSite(t, &sojourn.Options{RefreshBelow: threshold})
					v := site.visitor().start()
					for range 19 {
						time.Sleep(time.Minute)
						passive(site, v, act)
					}
					time.Sleep(61 * time.Second)
					if v.alive() {
						t.Error("polling kept the session alive")
					}
				})
			})
		}
	}
	t.Run("by the hook", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			polling := true
			site := newSite(t, &sojourn.Options{Passive: func(r *http.Request) bool { return polling }})
			v := site.visitor().start()
			time.Sleep(19 * time.Minute)
			if !v.alive() {
				t.Fatal("gone too early")
			}
			time.Sleep(2 * time.Minute)
			if v.alive() {
				t.Error("a request that the hook calls passive kept the session alive")
			}
			polling = false
			v = site.visitor().start()
			time.Sleep(19 * time.Minute)
			v.alive()
			time.Sleep(2 * time.Minute)
			if !v.alive() {
				t.Error("a request that the hook does not call passive did not extend the session")
			}
		})
	})
	t.Run("unless they set the time-out", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			site := newSite(t, nil)
			v := site.visitor().start()
			passive(site, v, func(s *sojourn.Session) { _ = s.SetTimeout(time.Hour) })
			time.Sleep(50 * time.Minute)
			if !v.alive() {
				t.Error("the time-out that was set does not apply")
			}
		})
	})
}

func TestTheThresholdSparesTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, &sojourn.Options{IdleTimeout: time.Hour, RefreshBelow: 30 * time.Minute})
		v := site.visitor().start()
		own := site.visitor().start()
		own.do(func(s *sojourn.Session) { _ = s.SetTimeout(10 * time.Hour) })
		site.store.count()
		for range 29 {
			time.Sleep(time.Minute)
			v.alive()
		}
		if got := site.store.count(); !maps.Equal(got, map[string]int{"load": 29}) {
			t.Errorf("calls before the threshold %v, want loads alone", got)
		}
		time.Sleep(2 * time.Minute)
		v.alive()
		v.alive()
		if got := site.store.count(); !maps.Equal(got, map[string]int{"load": 2, "touch": 1}) {
			t.Errorf("calls at the threshold %v, want one touch and no write of the record", got)
		}
		// Scaled: a time-out ten times as long has a threshold ten times as high.
		own.alive()
		time.Sleep(5 * time.Hour)
		site.store.count()
		own.alive()
		if got := site.store.count(); got["touch"] != 1 {
			t.Errorf("calls of a session with a time-out of its own %v, want a touch", got)
		}
		time.Sleep(31 * time.Minute)
		v = site.visitor().start()
		time.Sleep(31 * time.Minute)
		site.store.count()
		v.do(func(s *sojourn.Session) { s.Set("b", 1) })
		if got := site.store.count(); !maps.Equal(got, map[string]int{"load": 1, "swap": 1}) {
			t.Errorf("calls of a write %v, want it to renew the expiry by itself", got)
		}
	})
}

// Close to the end of a session's life its expiry cannot be moved.
func TestTheThresholdSparesTheStoreAtTheEndOfALife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, &sojourn.Options{IdleTimeout: time.Hour, RefreshBelow: 30 * time.Minute, Lifetime: 2 * time.Hour})
		v := site.visitor().start()
		for range 3 {
			time.Sleep(31 * time.Minute)
			v.alive()
		}
		site.store.count()
		for range 5 {
			time.Sleep(5 * time.Minute)
			v.alive()
		}
		if got := site.store.count(); !maps.Equal(got, map[string]int{"load": 5}) {
			t.Errorf("calls %v, want loads alone", got)
		}
	})
}

func TestATouchThatFailsDoesNotFailTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, &sojourn.Options{IdleTimeout: time.Hour, RefreshBelow: 30 * time.Minute})
		v := site.visitor().start()
		time.Sleep(40 * time.Minute)
		site.store.on(breaks("touch"), nil)
		w := v.do(func(s *sojourn.Session) { s.Keys() })
		if _, errs := site.heard(); w.Code != http.StatusOK || len(errs) != 1 {
			t.Errorf("status %d, OnError %v; want the answer, and the failure reported", w.Code, errs)
		}
	})
}

func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, nil)
		v := site.visitor().start()
		v.during(nil, func(s *sojourn.Session) {
			time.Sleep(19 * time.Minute)
			if err := s.Refresh(ctx); err != nil {
				t.Error(err)
			}
			time.Sleep(19 * time.Minute)
		}, func() {})
		if !v.alive() {
			t.Error("Refresh did not extend the session")
		}
		site.store.count()
		site.visitor().do(func(s *sojourn.Session) {
			if err := s.Refresh(ctx); err != nil {
				t.Error(err)
			}
		})
		if got := site.store.count(); len(got) != 0 {
			t.Errorf("Refresh of a session that is not stored: %v", got)
		}
	})
}
