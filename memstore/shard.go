package memstore

import (
	"hash/maphash"
	"math"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

const shardCount = 64

// A shard is the part of the store behind one mutex.
type shard struct {
	mu      sync.Mutex
	entries map[string]*entry

	// earliest is not later than any expiry in entries, or zero if none of
	// them expires. It spares the search for expired entries where there
	// cannot be any, so that a full store stays cheap to ask.
	earliest time.Duration
}

// An entry is a record. Entries stay inside of the store, records do not, as a
// caller could write to them.
type entry struct {
	data    []byte
	version sojourn.Version
	expires time.Duration // since Store.epoch; zero: never
}

func (e *entry) expired(now time.Duration) bool {
	return e.expires != 0 && e.expires <= now
}

// The seed is random: nobody outside can aim ids at one shard.
func (s *Store) shard(id string) *shard {
	return &s.shards[maphash.String(s.seed, id)%shardCount]
}

// find returns the entry under id. An expired one is removed on the way and
// the answer is [sojourn.ErrTimedOut]. The caller holds sh.mu.
func (s *Store) find(sh *shard, id string, now time.Time) (*entry, error) {
	e, ok := sh.entries[id]
	if !ok {
		return nil, sojourn.ErrNotFound
	}
	if e.expired(now.Sub(s.epoch)) {
		s.remove(sh, id, e)
		return nil, sojourn.ErrTimedOut
	}
	return e, nil
}

// remove drops an entry and gives its room back. The caller holds sh.mu.
func (s *Store) remove(sh *shard, id string, e *entry) {
	delete(sh.entries, id)
	s.sessions.giveBack(1)
	s.bytes.giveBack(size(id, e.data))
}

// setTTL gives e its expiry. The caller holds sh.mu. A negative ttl other than
// Never is outside of the contract, most likely a deadline that has passed, so
// it ends the record rather than making it immortal.
func (s *Store) setTTL(sh *shard, e *entry, ttl time.Duration, now time.Time) {
	switch ttl {
	case sojourn.Keep:
	case sojourn.Never:
		e.expires = 0
	default:
		since := now.Sub(s.epoch)
		e.expires = max(since+min(ttl, math.MaxInt64-since), 1)
		sh.noteExpiry(e.expires)
	}
}

func (sh *shard) noteExpiry(expires time.Duration) {
	if sh.earliest == 0 || expires < sh.earliest {
		sh.earliest = expires
	}
}

// record returns a record of its own for the caller to keep.
func (s *Store) record(e *entry, now time.Time) *sojourn.Record {
	rec := &sojourn.Record{Data: e.data, Version: e.version}
	if e.expires != 0 {
		rec.Expires = now.Add(e.expires - now.Sub(s.epoch))
	}
	return rec
}
