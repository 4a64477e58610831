package memstore

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Load returns the record under id and gives it the new ttl. A record that has
// expired but was still held is removed and reported as [sojourn.ErrTimedOut];
// afterwards, or if a sweep came first, it is [sojourn.ErrNotFound]. The Data
// of the record is shared with the store and must not be altered.
func (s *Store) Load(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := time.Now()
	e, err := s.find(sh, id, now)
	if err != nil {
		return nil, err
	}
	s.setTTL(sh, e, ttl, now)
	return s.record(e, now), nil
}

// Create stores rec under an id that holds no live record, or answers
// [sojourn.ErrExists]. It answers [ErrFull] if rec does not fit even after all
// expired records were removed. The store keeps rec.Data without copying it.
func (s *Store) Create(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	return s.makingRoom(func() error { return s.create(id, rec, ttl) })
}

func (s *Store) create(id string, rec *sojourn.Record, ttl time.Duration) error {
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := time.Now()
	if _, err := s.find(sh, id, now); err == nil {
		return sojourn.ErrExists
	}
	if err := s.admit(size(id, rec.Data)); err != nil {
		return err
	}
	e := &entry{data: rec.Data, version: rec.Version}
	s.setTTL(sh, e, ttl, now)
	// The id may be a few bytes of a long header, which must not stay in
	// memory with it.
	sh.entries[strings.Clone(id)] = e
	return nil
}

// Swap replaces old by rec if old is what is there, and returns the record as
// it is then. Otherwise it returns the current record and [sojourn.ErrChanged],
// or [sojourn.ErrNotFound] if there is none. It answers [ErrFull] if rec is
// longer and does not fit even after all expired records were removed. The
// store keeps rec.Data without copying it.
func (s *Store) Swap(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	var answer *sojourn.Record
	err := s.makingRoom(func() (err error) {
		answer, err = s.swap(id, old, rec, ttl)
		return err
	})
	return answer, err
}

func (s *Store) swap(id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := time.Now()
	e, err := s.find(sh, id, now)
	if err != nil {
		return nil, sojourn.ErrNotFound
	}
	if e.version != old.Version {
		return s.record(e, now), sojourn.ErrChanged
	}
	if err := s.grow(int64(len(rec.Data) - len(e.data))); err != nil {
		return nil, err
	}
	e.data, e.version = rec.Data, rec.Version
	s.setTTL(sh, e, ttl, now)
	return s.record(e, now), nil
}

// Touch gives the record under id a new ttl, or answers [sojourn.ErrNotFound].
func (s *Store) Touch(ctx context.Context, id string, ttl time.Duration) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := time.Now()
	e, err := s.find(sh, id, now)
	if err != nil {
		return sojourn.ErrNotFound
	}
	s.setTTL(sh, e, ttl, now)
	return nil
}

// Delete removes the record under id. With an old that is not what is there,
// it removes nothing and answers like Swap.
func (s *Store) Delete(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := time.Now()
	e, err := s.find(sh, id, now)
	if err != nil {
		if old == nil {
			return nil, nil
		}
		return nil, sojourn.ErrNotFound
	}
	if old != nil && e.version != old.Version {
		return s.record(e, now), sojourn.ErrChanged
	}
	s.remove(sh, id, e)
	return nil, nil
}

// makingRoom calls write again after a sweep if the store was full. The sweep
// takes the locks of all shards in turn, so write must hold none any more.
func (s *Store) makingRoom(write func() error) error {
	err := write()
	if errors.Is(err, ErrFull) {
		s.sweep()
		err = write()
	}
	return err
}
