package redisstore

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
)

// Create stores rec under an id that holds no record: one command, SET NX. It is
// never sent twice. If it fails with anything but [sojourn.ErrExists] or
// [sojourn.ErrNotSent], the record may be there.
func (s *Store) Create(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
	if err := s.create(ctx, id, rec, ttl); err != nil {
		return failed("Create", id, err)
	}
	return nil
}

func (s *Store) create(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
	ctx, cancel, err := s.begin(ctx)
	defer cancel()
	if err != nil {
		return err
	}
	e, err := newExpiry(ttl)
	if err != nil {
		return err
	}
	key, value := s.prefix+id, format(e.at, rec)
	if s.noExpire {
		m, err := s.run(ctx, createScript, key, value, s.clock(e.now))
		if err != nil {
			return err
		}
		n, err := m.AsInt64()
		switch {
		case err != nil:
			return errMixedUp
		case n == 0:
			return sojourn.ErrExists
		}
		return nil
	}
	m, err := s.do(ctx, func(b rueidis.Builder) rueidis.Completed {
		if e.ms == 0 {
			return b.Set().Key(key).Value(value).Nx().Build()
		}
		return b.Set().Key(key).Value(value).Nx().PxMilliseconds(e.ms).Build()
	})
	if rueidis.IsRedisNil(err) {
		return sojourn.ErrExists
	}
	if err != nil {
		return err
	}
	if ok, err := m.ToString(); err != nil || ok != "OK" {
		return errMixedUp
	}
	return nil
}

// Swap replaces old by rec if old's version is still the one in Redis: one
// command, a script. Success is nil, nil. It is never sent twice. Redis repeats
// rec's version in its answer; one without it is somebody else's, and an error
// that leaves the outcome unknown.
//
// When the outcome is unknown, the same Swap may be sent again: if the first one
// was done after all, the answer is [sojourn.ErrChanged] with a record whose
// version is rec's own.
//
// With [sojourn.Keep] the record keeps the expiry that it has by then.
func (s *Store) Swap(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
	cur, err := s.swap(ctx, id, old, rec, ttl)
	if err != nil {
		return cur, failed("Swap", id, err)
	}
	return nil, nil
}

func (s *Store) swap(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
	ctx, cancel, err := s.begin(ctx)
	defer cancel()
	if err != nil {
		return nil, err
	}
	e, err := newExpiry(ttl)
	if err != nil {
		return nil, err
	}
	px := strconv.FormatInt(e.ms, 10)
	switch {
	case s.noExpire, !e.keep && e.ms == 0:
		px = "none"
	case e.keep:
		px = "keep"
	}
	body := format(0, rec)[versionAt:]
	m, err := s.run(ctx, swapScript, s.prefix+id, string(old.Version[:]), e.head(), body, px, s.clock(e.now))
	return verdict(m, err, rec.Version)
}

// Touch gives the record under id a new ttl: one command, a script.
func (s *Store) Touch(ctx context.Context, id string, ttl time.Duration) error {
	if err := s.touch(ctx, id, ttl); err != nil {
		return failed("Touch", id, err)
	}
	return nil
}

func (s *Store) touch(ctx context.Context, id string, ttl time.Duration) error {
	ctx, cancel, err := s.begin(ctx)
	defer cancel()
	if err != nil {
		return err
	}
	e, err := newExpiry(ttl)
	if err != nil {
		return err
	}
	px := strconv.FormatInt(e.ms, 10)
	switch {
	case s.noExpire, e.keep:
		px = "none"
	case e.ms == 0:
		px = "never"
	}
	m, err := s.run(ctx, touchScript, s.prefix+id, e.head(), px, s.clock(e.now))
	if err != nil {
		return err
	}
	n, err := m.AsInt64()
	switch {
	case err != nil:
		return errMixedUp
	case n == 0:
		return sojourn.ErrNotFound
	case n < 0:
		return errMalformed
	}
	return nil
}

// Delete removes the record under id: one command, DEL with a nil old, otherwise
// a script that compares the version first and answers as in Swap.
func (s *Store) Delete(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
	cur, err := s.delete(ctx, id, old)
	if err != nil {
		return cur, failed("Delete", id, err)
	}
	return nil, nil
}

func (s *Store) delete(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
	ctx, cancel, err := s.begin(ctx)
	defer cancel()
	if err != nil {
		return nil, err
	}
	key := s.prefix + id
	if old != nil {
		m, err := s.run(ctx, deleteScript, key, string(old.Version[:]), s.clock(time.Now()))
		return verdict(m, err, old.Version)
	}
	m, err := s.do(ctx, func(b rueidis.Builder) rueidis.Completed {
		return b.Del().Key(key).Build()
	})
	if err != nil {
		return nil, err
	}
	if _, err := m.ToInt64(); err != nil {
		return nil, errMixedUp
	}
	return nil, nil
}

// verdict reads the answer of the scripts for Swap and Delete.
func verdict(m rueidis.RedisMessage, err error, v sojourn.Version) (*sojourn.Record, error) {
	if rueidis.IsRedisNil(err) {
		return nil, errMixedUp // the scripts never answer nil
	}
	if err != nil {
		return nil, err
	}
	b, err := m.AsBytes()
	if err != nil {
		return nil, errMixedUp
	}
	if len(b) <= len(v) || sojourn.Version(b[1:]) != v {
		return nil, errMixedUp
	}
	switch rest := b[1+len(v):]; b[0] {
	case '+':
		return nil, nil
	case '-':
		return nil, sojourn.ErrNotFound
	case '=':
		cur, _, err := parse(rest)
		if err != nil {
			return nil, err
		}
		return cur, sojourn.ErrChanged
	}
	return nil, errMixedUp
}
