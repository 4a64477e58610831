package redisstore_test

import (
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
