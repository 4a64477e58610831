package redisstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/internal/redistest"
	"github.com/sojourn-go/sojourn/redisstore"
	"github.com/sojourn-go/sojourn/storetest"
)

func TestContract(t *testing.T) {
	srv := redistest.Start(t)
	for name, open := range map[string]func(t *testing.T) sojourn.Store{
		"default": func(t *testing.T) sojourn.Store {
			return dial(t, srv.URL(), &redisstore.Options{Prefix: rand.Text()})
		},
		"NoExpire": func(t *testing.T) sojourn.Store {
			return dial(t, srv.URL(), &redisstore.Options{Prefix: rand.Text(), NoExpire: true})
		},
		"RESP2": func(t *testing.T) sojourn.Store {
			return dial(t, srv.URL()+"?protocol=2", &redisstore.Options{Prefix: rand.Text()})
		},
		"own client": func(t *testing.T) sojourn.Store {
			s, err := redisstore.New(userClient(t, srv.Addr()), &redisstore.Options{Prefix: rand.Text()})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	} {
		t.Run(name, func(t *testing.T) { storetest.Run(t, open) })
	}
}

func TestNoExpireTellsRedisNothing(t *testing.T) {
	srv := redistest.Start(t)
	s := dial(t, srv.URL(), &redisstore.Options{NoExpire: true})
	ctx := t.Context()
	rec := newRecord("data")
	must(t, s.Create(ctx, "id", rec, 20*time.Millisecond))
	must(t, s.Touch(ctx, "id", time.Hour))
	_, err := s.Load(ctx, "id", 2*time.Hour)
	must(t, err)
	next := newRecord("next")
	_, err = s.Swap(ctx, "id", rec, next, 30*time.Millisecond)
	must(t, err)
	if ttl := srv.Int("PTTL", "sojourn:id"); ttl != -1 {
		t.Errorf("Redis was told of an expiry: PTTL %d", ttl)
	}
	for deadline := time.Now().Add(5 * time.Second); err == nil && time.Now().Before(deadline); {
		_, err = s.Load(ctx, "id", sojourn.Keep)
	}
	if !errors.Is(err, sojourn.ErrTimedOut) {
		t.Errorf("Load past the time: %v, want ErrTimedOut", err)
	}
	if srv.Int("EXISTS", "sojourn:id") != 1 {
		t.Error("the record is to stay until it is evicted")
	}
}

func TestExpiryInRedis(t *testing.T) {
	srv := redistest.Start(t)
	s := dial(t, srv.URL(), nil)
	ctx := t.Context()
	rec := newRecord("data")
	pttl := func(what string, low, high int) {
		t.Helper()
		if got := srv.Int("PTTL", "sojourn:id"); got < low || got > high {
			t.Errorf("%s: PTTL is %d, want %d to %d", what, got, low, high)
		}
	}
	must(t, s.Create(ctx, "id", rec, time.Hour))
	pttl("Create", 3_590_000, 3_600_000)
	_, err := s.Load(ctx, "id", 2*time.Hour)
	must(t, err)
	pttl("Load", 7_190_000, 7_200_000)
	next := newRecord("next")
	_, err = s.Swap(ctx, "id", rec, next, sojourn.Keep)
	must(t, err)
	pttl("Swap with Keep", 7_190_000, 7_200_000)
	must(t, s.Touch(ctx, "id", 3*time.Hour))
	pttl("Touch", 10_790_000, 10_800_000)
	got, err := s.Load(ctx, "id", sojourn.Keep)
	must(t, err)
	if d := time.Until(got.Expires); d < 179*time.Minute || d > 180*time.Minute {
		t.Errorf("Touch is to rewrite the head; Expires is in %v", d)
	}
	must(t, s.Touch(ctx, "id", sojourn.Never))
	pttl("Touch with Never", -1, -1)
	_, err = s.Swap(ctx, "id", next, rec, 1500*time.Microsecond)
	must(t, err)
	pttl("Swap with less than 2 ms", -2, 2)
	must(t, s.Create(ctx, "tiny", rec, 1)) // Redis refuses PX 0
	must(t, s.Create(ctx, "long", rec, 1<<63-1))
	if err := s.Create(ctx, "odd", rec, -2); !errors.Is(err, sojourn.ErrNotSent) {
		t.Errorf("a ttl of -2ns: %v, want ErrNotSent", err)
	}
}

func TestCommandCounts(t *testing.T) {
	srv := redistest.Start(t)
	s := dial(t, srv.URL(), nil)
	lru := dial(t, srv.URL(), &redisstore.Options{Prefix: "lru:", NoExpire: true})
	ctx := t.Context()
	a, b, c := newRecord("a"), newRecord("b"), newRecord("c")
	load := func(s *redisstore.Store, ttl time.Duration) func() error {
		return func() error { _, err := s.Load(ctx, "id", ttl); return err }
	}
	swap := func(s *redisstore.Store, old, rec *sojourn.Record) func() error {
		return func() error { _, err := s.Swap(ctx, "id", old, rec, time.Hour); return err }
	}
	remove := func(s *redisstore.Store, old *sojourn.Record) func() error {
		return func() error { _, err := s.Delete(ctx, "id", old); return err }
	}
	for _, step := range []struct {
		name string
		call func() error
		want redistest.Counts
		err  error
	}{
		{"Load of none", load(s, time.Hour), redistest.Counts{"GETEX": 1}, sojourn.ErrNotFound},
		{"Create", func() error { return s.Create(ctx, "id", a, time.Hour) }, redistest.Counts{"SET": 1}, nil},
		{"Create again", func() error { return s.Create(ctx, "id", a, time.Hour) }, redistest.Counts{"SET": 1}, sojourn.ErrExists},
		{"Load", load(s, time.Hour), redistest.Counts{"GETEX": 1}, nil},
		{"Load with Keep", load(s, sojourn.Keep), redistest.Counts{"GET": 1}, nil},
		{"Load with Never", load(s, sojourn.Never), redistest.Counts{"GETEX": 1}, nil},
		{"first Swap", swap(s, a, b), redistest.Counts{"EVAL": 1}, nil},
		{"later Swap", swap(s, b, c), redistest.Counts{"EVALSHA": 1}, nil},
		{"refused Swap", swap(s, b, a), redistest.Counts{"EVALSHA": 1}, sojourn.ErrChanged},
		{"first Touch", func() error { return s.Touch(ctx, "id", time.Hour) }, redistest.Counts{"EVAL": 1}, nil},
		{"later Touch", func() error { return s.Touch(ctx, "id", sojourn.Keep) }, redistest.Counts{"EVALSHA": 1}, nil},
		{"flushed", func() error { srv.Do("SCRIPT", "FLUSH"); return nil }, redistest.Counts{}, nil},
		{"Swap after SCRIPT FLUSH", swap(s, c, a), redistest.Counts{"EVALSHA": 1, "EVAL": 1}, nil},
		{"Swap after that", swap(s, a, b), redistest.Counts{"EVALSHA": 1}, nil},
		{"Delete of the old", remove(s, b), redistest.Counts{"EVAL": 1}, nil},
		{"Delete of anything", remove(s, nil), redistest.Counts{"DEL": 1}, nil},
		{"Ping", func() error { return s.Ping(ctx) }, redistest.Counts{}, nil}, // not counted

		{"NoExpire: Create", func() error { return lru.Create(ctx, "id", a, time.Hour) }, redistest.Counts{"EVAL": 1}, nil},
		{"NoExpire: Load", load(lru, time.Hour), redistest.Counts{"EVAL": 1}, nil},
		{"NoExpire: Load again", load(lru, time.Hour), redistest.Counts{"EVALSHA": 1}, nil},
		{"NoExpire: Load with Keep", load(lru, sojourn.Keep), redistest.Counts{"GET": 1}, nil},
		{"NoExpire: Swap", swap(lru, a, b), redistest.Counts{"EVAL": 1}, nil},
	} {
		var err error
		got := srv.Count(func() { err = step.call() })
		if !errors.Is(err, step.err) {
			t.Fatalf("%s: %v, want %v", step.name, err, step.err)
		}
		if !maps.Equal(got, step.want) {
			t.Errorf("%s sent %v, want %v", step.name, got, step.want)
		}
	}
}

func TestKeys(t *testing.T) {
	srv := redistest.Start(t)
	for prefix, opts := range map[string]*redisstore.Options{
		"sojourn:": nil,
		"shop:":    {Prefix: "shop:"},
		"":         {NoPrefix: true},
	} {
		s := dial(t, srv.URL(), opts)
		must(t, s.Create(t.Context(), "id", newRecord(""), time.Hour))
		if srv.Int("EXISTS", prefix+"id") != 1 {
			t.Errorf("no key %q", prefix+"id")
		}
	}
}

func TestUnsuitableOptions(t *testing.T) {
	for _, c := range []struct {
		opts redisstore.Options
		want string
	}{
		{redisstore.Options{Prefix: "a:", NoPrefix: true}, "Options.NoPrefix"},
		{redisstore.Options{Timeout: -time.Second}, "Options.Timeout is -1s"},
	} {
		_, err := redisstore.DialWith("redis://127.0.0.1:1", &c.opts)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want an error with %q", c.opts, err, c.want)
		}
	}
	if _, err := redisstore.New(nil, nil); err == nil {
		t.Error("New accepts a nil client")
	}
}

func TestForeignValues(t *testing.T) {
	srv := redistest.Start(t)
	ctx := t.Context()
	for name, opts := range map[string]*redisstore.Options{"default": nil, "NoExpire": {NoExpire: true}} {
		s := dial(t, srv.URL(), opts)
		srv.Do("DEL", "sojourn:list", "sojourn:text")
		srv.Do("RPUSH", "sojourn:list", "secret")
		srv.Do("SET", "sojourn:text", "secret")
		rec := newRecord("x")
		for _, id := range []string{"list", "text"} {
			var errs []error
			for _, ttl := range []time.Duration{time.Hour, sojourn.Keep, sojourn.Never} {
				_, err := s.Load(ctx, id, ttl)
				errs = append(errs, err, s.Touch(ctx, id, ttl))
				_, err = s.Swap(ctx, id, rec, rec, ttl)
				errs = append(errs, err)
			}
			_, err := s.Delete(ctx, id, rec)
			for _, err := range append(errs, err) {
				switch {
				case err == nil, errors.Is(err, sojourn.ErrNotFound), errors.Is(err, sojourn.ErrChanged), errors.Is(err, sojourn.ErrTimedOut):
					t.Errorf("%s: a %s that is no record: got %v, want a failure", name, id, err)
				case strings.Contains(err.Error(), "secret"), strings.Contains(err.Error(), "sojourn:"):
					t.Errorf("the error shows a key or a value: %v", err)
				}
			}
		}
		if srv.Do("GET", "sojourn:text") != "secret" {
			t.Errorf("%s: the value that is no record was altered", name)
		}
	}
}

func TestClose(t *testing.T) {
	srv := redistest.Start(t)
	s := dial(t, srv.URL(), nil)
	s.Close()
	s.Close()
	s.Reset()
	if _, err := s.Load(t.Context(), "id", time.Hour); !errors.Is(err, sojourn.ErrNotSent) {
		t.Errorf("Load after Close: %v, want ErrNotSent", err)
	}

	client := userClient(t, srv.Addr())
	own, err := redisstore.New(client, nil)
	must(t, err)
	own.Reset()
	must(t, own.Ping(t.Context()))
	own.Close()
	must(t, client.Do(t.Context(), client.B().Ping().Build()).Error())
}

func dial(t testing.TB, url string, opts *redisstore.Options) *redisstore.Store {
	t.Helper()
	s, err := redisstore.DialWith(url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// userClient is as its user may have made it: with retries.
func userClient(t testing.TB, addr string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true, RingScaleEachConn: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newRecord(data string) *sojourn.Record {
	rec := &sojourn.Record{Data: []byte(data)}
	copy(rec.Version[:], rand.Text())
	return rec
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
