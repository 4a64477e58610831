package memstore

import (
	"fmt"
	"sync/atomic"
)

// overhead is what an entry is counted for besides its data and id: its slot
// in the map, its version and expiry, and the rounding of three allocations.
const overhead = 128

func size(id string, data []byte) int64 {
	return overhead + int64(len(id)) + int64(len(data))
}

// A budget is a hard limit that all shards share.
type budget struct {
	max  int64
	used atomic.Int64
}

// take adds n unless that would exceed the limit, even for an instant.
func (b *budget) take(n int64) bool {
	for {
		used := b.used.Load()
		if n > b.max-used {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

func (b *budget) giveBack(n int64) { b.used.Add(-n) }

// admit takes room for a new entry. The sessions come last, so that Len never
// counts one that is refused. When both limits are all but reached, it may
// refuse an entry that would have fit while a larger one is being refused.
func (s *Store) admit(n int64) error {
	if err := s.grow(n); err != nil {
		return err
	}
	if !s.sessions.take(1) {
		s.bytes.giveBack(n)
		return fmt.Errorf("%w: Options.MaxSessions is %d", ErrFull, s.sessions.max)
	}
	return nil
}

// grow takes room for n more bytes, or gives it back if n is negative.
func (s *Store) grow(n int64) error {
	if n <= 0 {
		s.bytes.giveBack(-n)
		return nil
	}
	if !s.bytes.take(n) {
		return fmt.Errorf("%w: Options.MaxBytes is %d", ErrFull, s.bytes.max)
	}
	return nil
}
