package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/sojourn-go/sojourn"
)

// An override is a mapStore with other methods.
type override struct {
	*mapStore
	load   func(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error)
	create func(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error
	swap   func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error)
	touch  func(ctx context.Context, id string, ttl time.Duration) error
	delete func(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error)
	ping   func(ctx context.Context) error
}

func (o override) Load(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
	if o.load != nil {
		return o.load(ctx, id, ttl)
	}
	return o.mapStore.Load(ctx, id, ttl)
}

func (o override) Create(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
	if o.create != nil {
		return o.create(ctx, id, rec, ttl)
	}
	return o.mapStore.Create(ctx, id, rec, ttl)
}

func (o override) Swap(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
	if o.swap != nil {
		return o.swap(ctx, id, old, rec, ttl)
	}
	return o.mapStore.Swap(ctx, id, old, rec, ttl)
}

func (o override) Touch(ctx context.Context, id string, ttl time.Duration) error {
	if o.touch != nil {
		return o.touch(ctx, id, ttl)
	}
	return o.mapStore.Touch(ctx, id, ttl)
}

func (o override) Delete(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
	if o.delete != nil {
		return o.delete(ctx, id, old)
	}
	return o.mapStore.Delete(ctx, id, old)
}

func (o override) Ping(ctx context.Context) error {
	if o.ping != nil {
		return o.ping(ctx)
	}
	return o.mapStore.Ping(ctx)
}

// raw returns the record under id, expired or not.
func (s *mapStore) raw(id string) *sojourn.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[id]
}

func (s *mapStore) set(id string, rec sojourn.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[id] = &rec
}

// onData is a store that changes the data or the id on the way in.
func onData(s *mapStore, id, data func(string) string) sojourn.Store {
	in := func(rec *sojourn.Record) *sojourn.Record {
		if rec == nil {
			return nil
		}
		return &sojourn.Record{Data: []byte(data(string(rec.Data))), Version: rec.Version}
	}
	return override{
		mapStore: s,
		load: func(ctx context.Context, i string, ttl time.Duration) (*sojourn.Record, error) {
			return s.Load(ctx, id(i), ttl)
		},
		create: func(ctx context.Context, i string, rec *sojourn.Record, ttl time.Duration) error {
			return s.Create(ctx, id(i), in(rec), ttl)
		},
		swap: func(ctx context.Context, i string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			return s.Swap(ctx, id(i), old, in(rec), ttl)
		},
		touch: func(ctx context.Context, i string, ttl time.Duration) error {
			return s.Touch(ctx, id(i), ttl)
		},
		delete: func(ctx context.Context, i string, old *sojourn.Record) (*sojourn.Record, error) {
			return s.Delete(ctx, id(i), old)
		},
	}
}

func same(s string) string { return s }

// onTTL is a store that takes one ttl for another.
func onTTL(s *mapStore, method string, ttls func(time.Duration) time.Duration) sojourn.Store {
	o := override{mapStore: s}
	switch method {
	case "Load":
		o.load = func(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
			return s.Load(ctx, id, ttls(ttl))
		}
	case "Create":
		o.create = func(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
			return s.Create(ctx, id, rec, ttls(ttl))
		}
	case "Swap":
		o.swap = func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			return s.Swap(ctx, id, old, rec, ttls(ttl))
		}
	case "Touch":
		o.touch = func(ctx context.Context, id string, ttl time.Duration) error {
			return s.Touch(ctx, id, ttls(ttl))
		}
	}
	return o
}

func always(ttl time.Duration) func(time.Duration) time.Duration {
	return func(time.Duration) time.Duration { return ttl }
}

// instead takes from for to.
func instead(from, to time.Duration) func(time.Duration) time.Duration {
	return func(ttl time.Duration) time.Duration {
		if ttl == from {
			return to
		}
		return ttl
	}
}

// onLoad is a store whose Load answers otherwise.
func onLoad(s *mapStore, f func(rec *sojourn.Record, err error, ttl time.Duration) (*sojourn.Record, error)) sojourn.Store {
	return override{mapStore: s, load: func(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
		rec, err := s.Load(ctx, id, ttl)
		if rec != nil {
			rec = copyOf(rec)
		}
		return f(rec, err, ttl)
	}}
}

type swapFunc = func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error)

// onSwap is a store with another Swap.
func onSwap(f func(s *mapStore) swapFunc) func(s *mapStore) sojourn.Store {
	return func(s *mapStore) sojourn.Store { return override{mapStore: s, swap: f(s)} }
}

// background takes the context from a method: it does not notice the end.
func background(s *mapStore) sojourn.Store {
	bg := context.Background()
	return override{
		mapStore: s,
		load: func(_ context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
			return s.Load(bg, id, ttl)
		},
		touch: func(_ context.Context, id string, ttl time.Duration) error { return s.Touch(bg, id, ttl) },
	}
}

// reportsLate obeys the context only after it has done the work.
func reportsLate(s *mapStore) sojourn.Store {
	bg := context.Background()
	return override{
		mapStore: s,
		create: func(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
			return errors.Join(s.Create(bg, id, rec, ttl), ctx.Err())
		},
	}
}

// revive makes an expired record live, whatever its expiry was.
func revive(s *mapStore, id string) {
	if rec := s.raw(id); rec != nil && !rec.Expires.IsZero() && time.Now().After(rec.Expires) {
		r := *rec
		r.Expires = time.Now().Add(long)
		s.set(id, r)
	}
}

// twoSteps is a Swap that looks and then writes.
func twoSteps(s *mapStore, create bool) swapFunc {
	return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
		cur, err := s.Load(ctx, id, sojourn.Keep)
		if err != nil {
			return nil, err
		}
		if cur.Version != old.Version {
			return cur, sojourn.ErrChanged
		}
		time.Sleep(time.Millisecond)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.records[id] == nil && !create {
			return nil, sojourn.ErrNotFound
		}
		return s.put(id, *rec, cur.Expires, ttl), nil
	}
}

func ignoresOld(s *mapStore) swapFunc {
	return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
		if cur := s.raw(id); cur != nil {
			old = cur
		}
		return s.Swap(ctx, id, old, rec, ttl)
	}
}

// onExpires is a store whose Load says that every record that dies does so at t.
func onExpires(s *mapStore, t time.Time) sojourn.Store {
	return onLoad(s, func(rec *sojourn.Record, err error, _ time.Duration) (*sojourn.Record, error) {
		if rec != nil && !rec.Expires.IsZero() {
			rec.Expires = t
		}
		return rec, err
	})
}
