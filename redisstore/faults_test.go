package redisstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/internal/redistest"
	"github.com/sojourn-go/sojourn/redisstore"
)

func TestServerDownAtDial(t *testing.T) {
	srv := redistest.Reserve(t)
	start := time.Now()
	s := dial(t, srv.URL(), nil)
	if d := time.Since(start); d > time.Second {
		t.Errorf("Dial took %v", d)
	}
	rec := newRecord("x")
	_, load := s.Load(within(t, time.Second), "id", time.Hour)
	_, swap := s.Swap(within(t, time.Second), "id", rec, rec, time.Hour)
	for _, err := range []error{load, swap, s.Create(within(t, time.Second), "id", rec, time.Hour)} {
		if !errors.Is(err, sojourn.ErrNotSent) {
			t.Errorf("while Redis is down: %v, want ErrNotSent", err)
		}
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("Ping succeeds while Redis is down")
	}
	srv.Start()
	must(t, s.Create(t.Context(), "id", rec, time.Hour))
	_, err := s.Load(t.Context(), "id", time.Hour)
	must(t, err)
}

func TestUserClientWhileServerIsDown(t *testing.T) {
	srv := redistest.Start(t)
	s, err := redisstore.New(userClient(t, srv.Addr()), nil)
	must(t, err)
	rec := newRecord("x")
	must(t, s.Create(t.Context(), "id", rec, time.Hour))
	srv.Stop()
	eventually(t, func() error { // until the broken connections are used up
		if err := s.Create(within(t, time.Second), "id", rec, time.Hour); !errors.Is(err, sojourn.ErrNotSent) {
			return err
		}
		return nil
	})
	start := time.Now()
	if _, err := s.Load(within(t, 200*time.Millisecond), "id", sojourn.Keep); err == nil {
		t.Error("Load succeeds while Redis is down")
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("Load with a deadline of 200 ms took %v", d)
	}
}

func TestKilledAndRestarted(t *testing.T) {
	srv := redistest.Start(t)
	s := dial(t, srv.URL(), nil)
	rec, next := newRecord("x"), newRecord("y")
	must(t, s.Create(t.Context(), "id", rec, time.Hour))
	_, err := s.Swap(t.Context(), "id", rec, next, time.Hour)
	must(t, err)
	for range 3 {
		srv.Restart()
		// Reads get over it by themselves.
		if _, err := s.Load(t.Context(), "id", time.Hour); !errors.Is(err, sojourn.ErrNotFound) {
			t.Fatalf("the first Load after a restart: %v, want ErrNotFound", err)
		}
		// Writes may meet another broken connection; the script cache is empty.
		eventually(t, func() error { return s.Create(t.Context(), "id", rec, time.Hour) }, sojourn.ErrExists)
		eventually(t, func() error { _, err := s.Swap(t.Context(), "id", rec, next, time.Hour); return err })
	}
}

func TestHungServer(t *testing.T) {
	srv := redistest.Start(t)
	s := dial(t, srv.URL(), nil)
	rec := newRecord("x")
	must(t, s.Create(t.Context(), "id", rec, time.Hour))
	srv.Pause()
	start := time.Now()
	if err := s.Touch(within(t, 100*time.Millisecond), "id", time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call alone: %v, want DeadlineExceeded", err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("a call with a deadline of 100 ms took %v", d)
	}

	const deadline = 300 * time.Millisecond
	calls := []func(ctx context.Context) error{
		func(ctx context.Context) error { _, err := s.Load(ctx, "id", time.Hour); return err },
		func(ctx context.Context) error { return s.Create(ctx, "id", rec, time.Hour) },
		func(ctx context.Context) error { _, err := s.Swap(ctx, "id", rec, rec, time.Hour); return err },
		func(ctx context.Context) error { return s.Touch(ctx, "id", time.Hour) },
		func(ctx context.Context) error { _, err := s.Delete(ctx, "id", rec); return err },
		func(ctx context.Context) error { return s.Ping(ctx) },
	}
	// More than the queues of all connections hold: rueidis would let those
	// that find no place wait beyond their deadline.
	const crowd = 2500
	for round := range 3 {
		var wg sync.WaitGroup
		for i := range crowd {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				start := time.Now()
				err := calls[i%len(calls)](ctx)
				// Not always DeadlineExceeded: a connection that one call gave
				// up takes others with it.
				if err == nil || answer(err) {
					t.Errorf("round %d: a hung server answered %v", round, err)
				}
				if d := time.Since(start); d > deadline+time.Second {
					t.Errorf("round %d: a call with a deadline of %v took %v", round, deadline, d)
				}
			})
		}
		wg.Wait()
	}
	srv.Resume()
	eventually(t, func() error { return s.Ping(within(t, time.Second)) })
}

func TestDialToHungServer(t *testing.T) {
	srv := redistest.Start(t)
	srv.Pause()
	start := time.Now()
	s := dial(t, srv.URL(), nil)
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("Dial took %v", d)
	}
	start = time.Now()
	if _, err := s.Load(within(t, 100*time.Millisecond), "id", time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Load: %v, want DeadlineExceeded", err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("a Load with a deadline of 100 ms took %v", d)
	}
	srv.Resume()
	eventually(t, func() error { return s.Ping(within(t, time.Second)) })
}

func TestNoDeadline(t *testing.T) {
	srv := redistest.Start(t)
	s := dial(t, srv.URL(), &redisstore.Options{Timeout: 100 * time.Millisecond})
	must(t, s.Ping(context.Background()))
	srv.Pause()
	defer srv.Resume()
	start := time.Now()
	if _, err := s.Load(context.Background(), "id", time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Load without a deadline: %v, want DeadlineExceeded", err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("a Load with Options.Timeout of 100 ms took %v", d)
	}
}

// The reply to a write is lost: it was done once, and asking again tells.
func TestLostReply(t *testing.T) {
	srv := redistest.Start(t)
	proxy := redistest.NewProxy(t, srv.Addr())
	own, err := redisstore.New(userClient(t, proxy.Addr()), nil)
	must(t, err)
	for name, s := range map[string]*redisstore.Store{"Dial": dial(t, srv.URLFor(proxy.Addr()), nil), "New": own} {
		srv.Flush()
		old, rec := newRecord("old"), newRecord("new")
		proxy.CutReply("SET", 1)
		got := srv.Count(func() {
			err = s.Create(t.Context(), "id", old, time.Hour)
			if err == nil || errors.Is(err, sojourn.ErrNotSent) || errors.Is(err, sojourn.ErrExists) {
				t.Errorf("%s: Create without a reply: %v, want a failure that leaves it open", name, err)
			}
		})
		if want := (redistest.Counts{"SET": 1}); !maps.Equal(got, want) {
			t.Errorf("%s: Create without a reply sent %v, want %v", name, got, want)
		}

		proxy.CutReply("EVAL|EVALSHA", 1)
		got = srv.Count(func() {
			_, err = s.Swap(t.Context(), "id", old, rec, time.Hour)
			if err == nil || errors.Is(err, sojourn.ErrNotSent) || errors.Is(err, sojourn.ErrChanged) {
				t.Errorf("%s: Swap without a reply: %v, want a failure that leaves it open", name, err)
			}
		})
		if want := (redistest.Counts{"EVAL": 1}); !maps.Equal(got, want) {
			t.Errorf("%s: Swap without a reply sent %v, want %v", name, got, want)
		}
		cur, err := s.Swap(t.Context(), "id", old, rec, time.Hour)
		if !errors.Is(err, sojourn.ErrChanged) || cur == nil || cur.Version != rec.Version {
			t.Errorf("%s: the same Swap again: %v, %v; want ErrChanged with the version it wrote", name, cur, err)
		}
	}
}

// The reply to a read is lost: it is asked again.
func TestLostReplyToLoad(t *testing.T) {
	srv := redistest.Start(t)
	proxy := redistest.NewProxy(t, srv.Addr())
	s := dial(t, srv.URLFor(proxy.Addr()), nil)
	must(t, s.Create(t.Context(), "id", newRecord("x"), time.Hour))
	proxy.CutReply("GETEX", 2)
	got := srv.Count(func() {
		_, err := s.Load(t.Context(), "id", time.Hour)
		must(t, err)
	})
	if got["GETEX"] != 3 {
		t.Errorf("sent %v, want GETEX three times", got)
	}
	proxy.CutReply("GETEX", 3)
	if _, err := s.Load(t.Context(), "id", time.Hour); err == nil || errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("Load with three lost replies: %v, want a failure", err)
	}

	// A reply that does not come is the end: the deadline is for all tries.
	proxy.DropReplies("GETEX")
	got = srv.Count(func() {
		if _, err := s.Load(within(t, 100*time.Millisecond), "id", time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Load without a reply: %v, want DeadlineExceeded", err)
		}
	})
	if got["GETEX"] != 1 {
		t.Errorf("sent %v, want GETEX once", got)
	}
}

func TestRefusedConnections(t *testing.T) {
	srv := redistest.Start(t)
	proxy := redistest.NewProxy(t, srv.Addr())
	s := dial(t, srv.URLFor(proxy.Addr()), nil)
	must(t, s.Ping(t.Context()))
	proxy.Refuse()
	proxy.CutAll()
	eventually(t, func() error {
		if err := s.Touch(t.Context(), "id", time.Hour); !errors.Is(err, sojourn.ErrNotSent) {
			return err
		}
		return nil
	})
	proxy.Heal()
	// A connection that was not used since is still a broken one.
	eventually(t, func() error { return s.Create(t.Context(), "id", newRecord("x"), time.Hour) }, sojourn.ErrExists)
}

// One reply too many, amid others: all later ones answer the question before. A
// write must not take another's answer for its own.
func TestShiftedReplies(t *testing.T) {
	srv := redistest.Start(t)
	proxy := redistest.NewProxy(t, srv.Addr())
	a, b := newRecord("a"), newRecord("b")
	for name, extra := range map[string]string{
		"another write was done":       redistest.Bulk("+0123456789abcdef"),
		"another record is gone":       redistest.Bulk("-0123456789abcdef"),
		"another record was changed":   redistest.Bulk("=0123456789abcdef0000000000000" + rand.Text()[:16] + "x"),
		"the record as it was read":    "",
		"none":                         redistest.Null,
		"a number":                     ":1\r\n",
		"another SET was done":         "+OK\r\n",
		"some text, not of a store":    redistest.Bulk("sixteen letters!"),
		"some longer text, not of one": redistest.Bulk("seventeen letters"),
	} {
		for method, write := range map[string]func(s *redisstore.Store) error{
			"Swap":   func(s *redisstore.Store) error { _, err := s.Swap(t.Context(), "id", a, b, time.Hour); return err },
			"Delete": func(s *redisstore.Store) error { _, err := s.Delete(t.Context(), "id", a); return err },
		} {
			t.Run(method+", "+name, func(t *testing.T) {
				srv.Flush()
				proxy.Heal()
				s := dial(t, srv.URLFor(proxy.Addr()), nil)
				must(t, s.Create(t.Context(), "id", a, time.Hour))
				raw := extra
				if raw == "" {
					raw = redistest.Bulk(srv.Do("GET", "sojourn:id").(string))
				}

				// Questions before and after it keep all connections busy: when
				// one is idle, the reply too many is noticed.
				proxy.DelayReplies("GETEX", 10*time.Millisecond)
				var wg sync.WaitGroup
				send := func(n int, f func()) {
					before := proxy.Hits()
					for range n {
						wg.Go(f)
					}
					eventually(t, func() error {
						if proxy.Hits() < before+n {
							return errors.New("the commands have not arrived")
						}
						return nil
					})
				}
				read := func() { _, _ = s.Load(t.Context(), "id", time.Hour) }
				send(8, read) // rueidis waits for no answers from now on
				wg.Wait()
				proxy.InjectReply("EVAL|EVALSHA", raw, 1)
				send(8, read)
				send(1, func() {
					err := write(s)
					if err == nil || answer(err) || errors.Is(err, sojourn.ErrNotSent) {
						t.Errorf("%s got another's answer and said %v", method, err)
					}
				})
				send(8, read)
				wg.Wait()
				if got, ok := srv.Do("GET", "sojourn:id").(string); ok && strings.Contains(got, string(a.Version[:])) {
					t.Error("the server was to do it")
				}
			})
		}
	}
}

// What no command asked for ends the connection; what was under way on it fails
// or is asked again. None of it reaches rueidis, which panics in a goroutine.
func TestUnaskedReplies(t *testing.T) {
	srv := redistest.Start(t)
	proxy := redistest.NewProxy(t, srv.Addr())
	for name, extra := range map[string]string{
		"one more":            redistest.Null,
		"many more":           strings.Repeat("+OK\r\n", 1000),
		"no RESP":             "HTTP/1.1 400 Bad Request\r\n\r\n",
		"a negative length":   "*-2\r\n",
		"a null map":          "%-1\r\n",
		"an absurd length":    "$9223372036854775807\r\n",
		"a deep nest":         strings.Repeat("*1\r\n", 1<<20),
		"a subscription":      ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n",
		"a line without end":  "+" + strings.Repeat("x", 1<<20),
		"a null of two bytes": "_+-+-",
	} {
		t.Run(name, func(t *testing.T) {
			proxy.Heal()
			s := dial(t, srv.URLFor(proxy.Addr()), nil)
			rec := newRecord("x")
			eventually(t, func() error { return s.Create(t.Context(), name, rec, time.Hour) }, sojourn.ErrExists)
			loads := func() {
				t.Helper()
				var wg sync.WaitGroup
				for range 64 {
					wg.Go(func() {
						if got, err := s.Load(t.Context(), name, time.Hour); err == nil && got.Version != rec.Version {
							t.Errorf("Load returns %q", got.Data)
						}
					})
				}
				wg.Wait()
			}
			loads() // so that rueidis reads all the time
			for range 3 {
				proxy.InjectReply("GETEX", extra, 1)
				loads()
				// When nothing else is under way, nobody notices.
				proxy.InjectReply("GETEX", extra, 1)
				for range 3 {
					got, err := s.Load(t.Context(), name, time.Hour)
					if err != nil || got.Version != rec.Version {
						t.Fatalf("Load: %v, %v", got, err)
					}
				}
			}
		})
	}
}

// Pushes and attributes are no replies.
func TestPushesAndAttributes(t *testing.T) {
	srv := redistest.Start(t)
	proxy := redistest.NewProxy(t, srv.Addr())
	s := dial(t, srv.URLFor(proxy.Addr()), nil)
	must(t, s.Create(t.Context(), "id", newRecord("x"), time.Hour))
	proxy.InjectReply("GETEX", ">2\r\n$6\r\nstatus\r\n:1\r\n|1\r\n+ttl\r\n:1\r\n", 10)
	got := srv.Count(func() {
		for range 10 {
			_, err := s.Load(t.Context(), "id", time.Hour)
			must(t, err)
		}
	})
	if want := (redistest.Counts{"GETEX": 10}); !maps.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
}

// Many sessions at once while replies are shifted again and again: a session is
// answered as its own or not at all, and all is well as soon as that is over.
func TestShiftedRepliesAmongManySessions(t *testing.T) {
	srv := redistest.Start(t)
	proxy := redistest.NewProxy(t, srv.Addr())
	m, err := sojourn.New(dial(t, srv.URLFor(proxy.Addr()), nil), rand.Text()+rand.Text(), &sojourn.Options{
		Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	site := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Get(r)
		if err != nil {
			http.Error(w, "", http.StatusServiceUnavailable)
			return
		}
		if name := r.FormValue("name"); name != "" {
			s.Set("name", name)
		}
		name, _ := s.Get("name")
		fmt.Fprint(w, name)
	}))
	const visitors = 64
	cookies := make([]*http.Cookie, visitors)
	visit := func(i int, query string) error {
		r := httptest.NewRequest("GET", "https://example.com/"+query, nil)
		if cookies[i] != nil {
			r.AddCookie(cookies[i])
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			cookies[i] = c
		}
		if w.Code != http.StatusOK {
			return fmt.Errorf("status %d", w.Code)
		}
		if want := strconv.Itoa(i); w.Body.String() != want {
			t.Errorf("visitor %s is answered as visitor %q", want, w.Body)
		}
		return nil
	}
	for i := range visitors {
		must(t, visit(i, "?name="+strconv.Itoa(i)))
	}
	extra := redistest.Bulk(srv.Do("GET", srv.Do("RANDOMKEY").(string)).(string))
	for range 5 {
		proxy.InjectReply("GETEX", extra, 20)
		var wg sync.WaitGroup
		for i := range visitors {
			wg.Go(func() {
				for range 20 {
					_ = visit(i, "")
				}
			})
		}
		wg.Wait()
		proxy.Heal()
		for i := range visitors {
			eventually(t, func() error { return visit(i, "") })
		}
	}
}

func TestResetDuringCommands(t *testing.T) {
	srv := redistest.Start(t)
	s := dial(t, srv.URL(), nil)
	must(t, s.Create(t.Context(), "id", newRecord("x"), time.Hour))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := s.Load(t.Context(), "id", time.Hour); err != nil {
					t.Errorf("Load during Reset: %v", err)
				}
				s.Reset()
			}
		})
	}
	// A Reset opens at most two connections here (rueidis: one for each of up to
	// four CPUs), and is a second after the last: watch until two have happened.
	made := func() int {
		_, after, _ := strings.Cut(srv.Do("INFO", "stats").(string), "total_connections_received:")
		n, _ := strconv.Atoi(strings.Fields(after)[0])
		return n
	}
	first := made()
	eventually(t, func() error {
		if made() <= first+4 {
			return errors.New("too few new connections")
		}
		return nil
	})
	close(stop)
	wg.Wait()
	// What was replaced is closed.
	eventually(t, func() error {
		if n := strings.Count(srv.Do("CLIENT", "LIST").(string), "\n"); n > 1+4 {
			return fmt.Errorf("%d connections are left, one of them the helper's", n)
		}
		return nil
	})
	s.Close()
	eventually(t, func() error {
		if n := strings.Count(srv.Do("CLIENT", "LIST").(string), "\n"); n > 1 {
			return fmt.Errorf("%d connections are left after Close, one of them the helper's", n)
		}
		return nil
	})
}

func answer(err error) bool {
	for _, a := range []error{sojourn.ErrNotFound, sojourn.ErrChanged, sojourn.ErrExists, sojourn.ErrTimedOut} {
		if errors.Is(err, a) {
			return true
		}
	}
	return false
}

// eventually calls f until it returns nil or one of ok.
func eventually(t testing.TB, f func() error, ok ...error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
		for _, e := range ok {
			if errors.Is(err, e) {
				return
			}
		}
	}
	t.Fatalf("still after ten seconds: %v", err)
}
