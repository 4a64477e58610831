package storetest

import (
	"context"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

// A mapStore is the least that keeps the contract. The broken stores of the
// tests are made of it.
type mapStore struct {
	mu      sync.Mutex
	records map[string]*sojourn.Record
}

func newMapStore() *mapStore {
	return &mapStore{records: make(map[string]*sojourn.Record)}
}

// lock begins a method. The record is nil if there is none alive.
func (s *mapStore) lock(ctx context.Context, id string) (*sojourn.Record, error) {
	s.mu.Lock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rec := s.records[id]
	if rec != nil && !rec.Expires.IsZero() && !time.Now().Before(rec.Expires) {
		rec = nil
	}
	return rec, nil
}

func (s *mapStore) put(id string, rec sojourn.Record, expires time.Time, ttl time.Duration) *sojourn.Record {
	rec.Expires = expires
	switch {
	case ttl > 0:
		rec.Expires = time.Now().Add(ttl)
	case ttl == sojourn.Never:
		rec.Expires = time.Time{}
	}
	s.records[id] = &rec
	return &rec
}

func (s *mapStore) Load(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
	rec, err := s.lock(ctx, id)
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if rec == nil {
		return nil, sojourn.ErrNotFound
	}
	return s.put(id, *rec, rec.Expires, ttl), nil
}

func (s *mapStore) Create(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
	cur, err := s.lock(ctx, id)
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	if cur != nil {
		return sojourn.ErrExists
	}
	s.put(id, *rec, time.Time{}, ttl)
	return nil
}

func (s *mapStore) Swap(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
	cur, err := s.lock(ctx, id)
	defer s.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case cur == nil:
		return nil, sojourn.ErrNotFound
	case cur.Version != old.Version:
		return cur, sojourn.ErrChanged
	}
	return s.put(id, *rec, cur.Expires, ttl), nil
}

func (s *mapStore) Touch(ctx context.Context, id string, ttl time.Duration) error {
	_, err := s.Load(ctx, id, ttl)
	return err
}

func (s *mapStore) Delete(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
	cur, err := s.lock(ctx, id)
	defer s.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case old == nil:
	case cur == nil:
		return nil, sojourn.ErrNotFound
	case cur.Version != old.Version:
		return cur, sojourn.ErrChanged
	}
	delete(s.records, id)
	return nil, nil
}

func (s *mapStore) Ping(ctx context.Context) error { return ctx.Err() }
