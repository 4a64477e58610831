package memstore

import "time"

// sweepEvery is the goroutine of the store.
func (s *Store) sweepEvery(interval time.Duration) {
	defer close(s.stopped)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
			s.sweep()
		}
	}
}

// sweep removes all expired entries. It locks one shard at a time, so that the
// requests of others wait for a small part of it only.
func (s *Store) sweep() {
	for i := range s.shards {
		s.sweepShard(&s.shards[i])
	}
}

func (s *Store) sweepShard(sh *shard) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := time.Since(s.epoch)
	if sh.earliest == 0 || sh.earliest > now {
		return
	}
	sh.earliest = 0
	for id, e := range sh.entries {
		if e.expired(now) {
			s.remove(sh, id, e)
		} else if e.expires != 0 {
			sh.noteExpiry(e.expires)
		}
	}
}
