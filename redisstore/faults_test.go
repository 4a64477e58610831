package redisstore_test

import (
	"context"
	"errors"
	"maps"
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
