package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// wantFull checks that err is ErrFull, definite, and names the limit.
func wantFull(t *testing.T, err error, limit string) {
	t.Helper()
	if !errors.Is(err, memstore.ErrFull) || !errors.Is(err, sojourn.ErrNotSent) {
		t.Errorf("got error %v, want ErrFull and ErrNotSent", err)
	} else if !strings.Contains(err.Error(), limit) {
		t.Errorf("the error %q does not name %s", err, limit)
	}
}

func TestMaxSessions(t *testing.T) {
	s := open(t, &memstore.Options{MaxSessions: 2})
	mustCreate(t, s, "a", record("one", 1), time.Hour)
	mustCreate(t, s, "b", record("one", 1), sojourn.Never)
	wantFull(t, s.Create(t.Context(), "c", record("one", 1), time.Hour), "MaxSessions is 2")

	// What is there goes on as before.
	if err := s.Create(t.Context(), "a", record("two", 1), time.Hour); !errors.Is(err, sojourn.ErrExists) {
		t.Errorf("Create under a taken id in a full store: got %v, want ErrExists", err)
	}
	if _, err := s.Swap(t.Context(), "a", record("one", 0), record("two", 100), time.Hour); err != nil {
		t.Errorf("Swap in a store with all sessions taken: %v", err)
	}
	if _, err := s.Delete(t.Context(), "b", nil); err != nil {
		t.Fatal(err)
	}
	mustCreate(t, s, "c", record("one", 1), time.Hour)
}

func TestMaxBytes(t *testing.T) {
	// Room for two ids of one byte, and 100 bytes of data.
	s := open(t, &memstore.Options{MaxBytes: 2*(128+1) + 100})
	mustCreate(t, s, "a", record("one", 40), time.Hour)
	wantFull(t, s.Create(t.Context(), "b", record("one", 61), time.Hour), "MaxBytes is 358")
	mustCreate(t, s, "b", record("one", 60), time.Hour)

	_, err := s.Swap(t.Context(), "a", record("one", 0), record("two", 41), time.Hour)
	wantFull(t, err, "MaxBytes is 358")
	if rec, err := s.Load(t.Context(), "a", sojourn.Keep); err != nil || len(rec.Data) != 40 || rec.Version != record("one", 0).Version {
		t.Errorf("after a Swap that did not fit: got %+v, %v, want the old record", rec, err)
	}
	// A longer record fits when another became shorter.
	if _, err := s.Swap(t.Context(), "b", record("one", 0), record("two", 50), time.Hour); err != nil {
		t.Fatalf("Swap for a shorter record: %v", err)
	}
	if _, err := s.Swap(t.Context(), "a", record("one", 0), record("two", 50), time.Hour); err != nil {
		t.Errorf("Swap for a longer record that fits: %v", err)
	}
	if s.Len() != 2 {
		t.Errorf("Len is %d, want 2", s.Len())
	}
}

func TestExpiredRecordsMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, &memstore.Options{MaxSessions: 10, MaxBytes: 10*(128+1) + 100, SweepInterval: 1000 * time.Hour})
		for i := range 9 {
			mustCreate(t, s, fmt.Sprint(i), record("one", 10), time.Minute)
		}
		mustCreate(t, s, "x", record("one", 10), time.Hour)
		wantFull(t, s.Create(t.Context(), "y", record("one", 1), time.Hour), "Options.Max") // both are reached
		_, err := s.Swap(t.Context(), "x", record("one", 0), record("two", 11), time.Hour)
		wantFull(t, err, "MaxBytes")

		time.Sleep(time.Minute)
		if n := s.Len(); n != 10 {
			t.Fatalf("Len is %d before anyone needs room, want 10", n)
		}
		if _, err := s.Swap(t.Context(), "x", record("one", 0), record("two", 11), time.Hour); err != nil {
			t.Errorf("Swap when others have expired: %v", err)
		}
		if n := s.Len(); n != 1 {
			t.Errorf("Len is %d after making room, want 1", n)
		}
		for i := range 9 {
			mustCreate(t, s, fmt.Sprint(i), record("one", 9), time.Minute)
		}
		time.Sleep(time.Minute)
		mustCreate(t, s, "y", record("one", 1), time.Hour)
		if n := s.Len(); n != 2 {
			t.Errorf("Len is %d after making room, want 2", n)
		}
	})
}

func TestLimitsAreExactUnderConcurrency(t *testing.T) {
	for name, opts := range map[string]*memstore.Options{
		"sessions": {MaxSessions: 500},
		"bytes":    {MaxBytes: 500 * (128 + 8 + 16)},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, opts)
			var created, refused, over atomic.Int64
			var wg sync.WaitGroup
			for g := range 16 {
				wg.Go(func() {
					for i := range 100 {
						err := s.Create(t.Context(), fmt.Sprintf("%08d", g*100+i), record("one", 16), time.Hour)
						switch {
						case err == nil:
							created.Add(1)
						case errors.Is(err, memstore.ErrFull):
							refused.Add(1)
						default:
							t.Errorf("Create: %v", err)
						}
						if s.Len() > 500 {
							over.Add(1)
						}
					}
				})
			}
			wg.Wait()
			if created.Load() != 500 || refused.Load() != 1100 || s.Len() != 500 || over.Load() != 0 {
				t.Errorf("created %d, refused %d, Len %d, seen over the limit %d times; want 500, 1100, 500, 0",
					created.Load(), refused.Load(), s.Len(), over.Load())
			}
		})
	}
}

// Whatever happens to records, the room they took comes back.
func TestNoRoomIsLost(t *testing.T) {
	const room = 20 * (128 + 2 + 50)
	s := open(t, &memstore.Options{MaxSessions: 20, MaxBytes: room, SweepInterval: time.Millisecond})
	ctx := context.Background()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				id := fmt.Sprintf("%02d", (g*7+i)%40)
				ttl := []time.Duration{time.Hour, time.Microsecond, sojourn.Never}[i%3]
				switch rec := record(fmt.Sprint(g, i), i%90); i % 5 {
				case 0, 1:
					s.Create(ctx, id, rec, ttl)
				case 2, 3:
					if old, err := s.Load(ctx, id, ttl); err == nil {
						s.Swap(ctx, id, old, rec, ttl)
					}
				case 4:
					s.Delete(ctx, id, nil)
				}
			}
		})
	}
	wg.Wait()
	for i := range 40 {
		if _, err := s.Delete(ctx, fmt.Sprintf("%02d", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Len(); n != 0 {
		t.Fatalf("Len is %d in an empty store", n)
	}
	// One record takes all the bytes there are, and one more is too much.
	wantFull(t, s.Create(ctx, "id", record("one", room-128-2+1), time.Hour), "MaxBytes")
	mustCreate(t, s, "id", record("one", room-128-2), time.Hour)
}
