package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) sojourn.Store { return open(t, nil) })
}

// The cases about expiry see other records while the sweeper is at work.
func TestConformanceSweeping(t *testing.T) {
	storetest.Run(t, func(t *testing.T) sojourn.Store {
		return open(t, &memstore.Options{SweepInterval: time.Millisecond})
	})
}

// open returns a store that is closed at the end of the test. In a synctest
// bubble the test fails if that leaves a goroutine behind.
func open(t testing.TB, opts *memstore.Options) *memstore.Store {
	t.Helper()
	s, err := memstore.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// record returns a record of n bytes whose version is made of name.
func record(name string, n int) *sojourn.Record {
	rec := &sojourn.Record{Data: []byte(strings.Repeat("x", n))}
	copy(rec.Version[:], name)
	return rec
}

func mustCreate(t *testing.T, s *memstore.Store, id string, rec *sojourn.Record, ttl time.Duration) {
	t.Helper()
	if err := s.Create(t.Context(), id, rec, ttl); err != nil {
		t.Fatalf("Create of %q: %v", id, err)
	}
}

func TestOptions(t *testing.T) {
	for want, opts := range map[string]*memstore.Options{
		"memstore: Options.MaxSessions is -1; it has to be positive, or zero for 100000":   {MaxSessions: -1},
		"memstore: Options.MaxBytes is -2; it has to be positive, or zero for 268435456":   {MaxBytes: -2},
		"memstore: Options.SweepInterval is -1ns; it has to be positive, or zero for 1m0s": {SweepInterval: -1},
	} {
		if s, err := memstore.New(opts); err == nil {
			s.Close()
			t.Errorf("New accepts %+v", opts)
		} else if err.Error() != want {
			t.Errorf("New(%+v):\n got %s\nwant %s", opts, err, want)
		}
	}
}

func TestReturnedRecordsAreTheCallers(t *testing.T) {
	s := open(t, nil)
	mustCreate(t, s, "a", record("one", 1), time.Hour)
	for range 2 {
		rec, err := s.Load(t.Context(), "a", sojourn.Keep)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Version != record("one", 0).Version || len(rec.Data) != 1 {
			t.Fatalf("a caller's change to a returned record reached the store: %+v", rec)
		}
		*rec = sojourn.Record{}
	}
}

func TestNegativeTTLEndsTheRecord(t *testing.T) {
	s := open(t, nil)
	mustCreate(t, s, "a", record("one", 1), time.Hour)
	if err := s.Touch(t.Context(), "a", -time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context(), "a", time.Hour); !errors.Is(err, sojourn.ErrTimedOut) {
		t.Errorf("Load after a ttl in the past: got %v, want ErrTimedOut", err)
	}
}

func TestHugeTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, unswept)
		time.Sleep(time.Hour) // the sum of age and ttl is beyond int64
		mustCreate(t, s, "a", record("one", 1), 1<<63-1)
		rec, err := s.Load(t.Context(), "a", sojourn.Keep)
		if err != nil {
			t.Fatalf("a record with the longest ttl: %v", err)
		}
		if !rec.Expires.After(time.Now().Add(24 * time.Hour)) {
			t.Errorf("Expires is %v", rec.Expires)
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := memstore.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		mustCreate(t, s, "a", record("one", 1), time.Hour)
		done := make(chan error)
		for range 3 {
			go func() { done <- s.Close() }()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		rec := record("two", 1)
		for name, call := range map[string]func(ctx context.Context) error{
			"Load":   func(ctx context.Context) error { _, err := s.Load(ctx, "a", time.Hour); return err },
			"Create": func(ctx context.Context) error { return s.Create(ctx, "b", rec, time.Hour) },
			"Swap":   func(ctx context.Context) error { _, err := s.Swap(ctx, "a", rec, rec, time.Hour); return err },
			"Touch":  func(ctx context.Context) error { return s.Touch(ctx, "a", time.Hour) },
			"Delete": func(ctx context.Context) error { _, err := s.Delete(ctx, "a", nil); return err },
			"Ping":   s.Ping,
		} {
			err := call(t.Context())
			if !errors.Is(err, memstore.ErrClosed) || !errors.Is(err, sojourn.ErrNotSent) {
				t.Errorf("%s after Close: got %v, want ErrClosed and ErrNotSent", name, err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			err = call(ctx)
			if !errors.Is(err, context.Canceled) || !errors.Is(err, sojourn.ErrNotSent) {
				t.Errorf("%s with a cancelled context: got %v, want Canceled and ErrNotSent", name, err)
			}
		}
		// synctest.Test fails if the sweeper is still there.
	})
}

func BenchmarkLoad(b *testing.B) {
	s := open(b, nil)
	ids := make([]string, 10_000)
	for i := range ids {
		ids[i] = fmt.Sprintf("%032d", i)
		if err := s.Create(b.Context(), ids[i], record("one", 256), time.Hour); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Load(b.Context(), ids[i%len(ids)], time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSwap(b *testing.B) {
	s := open(b, nil)
	one, two := record("one", 256), record("two", 300)
	if err := s.Create(b.Context(), "a", one, time.Hour); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Swap(b.Context(), "a", one, two, time.Hour); err != nil {
			b.Fatal(err)
		}
		one, two = two, one
	}
}

// A flood of new sessions meets a full store: refusing must stay cheap.
func BenchmarkCreateFull(b *testing.B) {
	s := open(b, nil)
	for i := 0; ; i++ {
		err := s.Create(b.Context(), fmt.Sprint(i), record("one", 256), time.Hour)
		if errors.Is(err, memstore.ErrFull) {
			break
		} else if err != nil {
			b.Fatal(err)
		}
	}
	rec := record("two", 256)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Create(b.Context(), "new", rec, time.Hour); !errors.Is(err, memstore.ErrFull) {
			b.Fatal(err)
		}
	}
}
