package memstore_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// unswept makes sure that no sweep gets there first.
var unswept = &memstore.Options{SweepInterval: 1000 * time.Hour}

func TestExpiryIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, unswept)
		mustCreate(t, s, "a", record("one", 1), time.Minute)
		time.Sleep(time.Minute - 1)
		rec, err := s.Load(t.Context(), "a", sojourn.Keep)
		if err != nil {
			t.Fatalf("Load one nanosecond before the expiry: %v", err)
		}
		if want := time.Now().Add(1); !rec.Expires.Equal(want) {
			t.Errorf("Expires is %v, want %v", rec.Expires, want)
		}
		time.Sleep(time.Nanosecond)
		if _, err := s.Load(t.Context(), "a", time.Hour); !errors.Is(err, sojourn.ErrTimedOut) {
			t.Errorf("Load at the expiry: got %v, want ErrTimedOut", err)
		}
		if _, err := s.Load(t.Context(), "a", time.Hour); !errors.Is(err, sojourn.ErrNotFound) {
			t.Errorf("second Load: got %v, want ErrNotFound, as the first removed it", err)
		}
		if n := s.Len(); n != 0 {
			t.Errorf("Len is %d after the only record was removed", n)
		}
	})
}

func TestTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		rec := record("one", 1)
		mustCreate(t, s, "a", rec, time.Minute)
		for range 10 { // sliding
			time.Sleep(50 * time.Second)
			if _, err := s.Load(t.Context(), "a", time.Minute); err != nil {
				t.Fatalf("Load within the ttl: %v", err)
			}
		}
		if err := s.Touch(t.Context(), "a", sojourn.Never); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Hour)
		got, err := s.Swap(t.Context(), "a", rec, record("two", 1), time.Minute)
		if err != nil {
			t.Fatalf("Swap of a record without expiry: %v", err)
		}
		if want := time.Now().Add(time.Minute); !got.Expires.Equal(want) {
			t.Errorf("Expires after Swap is %v, want %v", got.Expires, want)
		}
		time.Sleep(2 * time.Minute)
		if _, err := s.Load(t.Context(), "a", sojourn.Keep); !errors.Is(err, sojourn.ErrNotFound) {
			t.Errorf("Load of a record that was swept: got %v, want ErrNotFound", err)
		}
	})
}

func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		for i := range 1000 {
			mustCreate(t, s, string(rune('a'+i)), record("one", 1), time.Duration(1+i%3)*time.Minute)
		}
		mustCreate(t, s, "never", record("one", 1), sojourn.Never)
		mustCreate(t, s, "extended", record("one", 1), time.Minute)
		if err := s.Touch(t.Context(), "extended", 4*time.Minute); err != nil {
			t.Fatal(err)
		}
		mustCreate(t, s, "shortened", record("one", 1), sojourn.Never)
		if err := s.Touch(t.Context(), "shortened", 4*time.Minute); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // so that each sweep is a second before a minute's expiries
		for minute, want := range []int{1003, 669, 336, 3, 1} {
			synctest.Wait()
			if n := s.Len(); n != want {
				t.Errorf("after %d minutes: Len is %d, want %d", minute, n, want)
			}
			time.Sleep(time.Minute)
		}
	})
}
