package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
)

const (
	loadTries = 3
	loadPause = 10 * time.Millisecond
)

// Load returns the record under id and gives it the ttl: one command, GETEX, or
// GET with [sojourn.Keep]. When the connection breaks it asks again, up to three
// times in all and within the deadline, because reading twice does no harm; so
// it gets over a Redis that was restarted.
//
// Expires is exact after a ttl. After Keep it is what the last Create, Swap or
// Touch said, which is too early if Load has given a longer ttl since, and too
// late if it gave a shorter one.
func (s *Store) Load(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
	rec, err := s.load(ctx, id, ttl)
	if err != nil {
		return nil, failed("Load", id, err)
	}
	return rec, nil
}

func (s *Store) load(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
	ctx, cancel, err := s.begin(ctx)
	defer cancel()
	if err != nil {
		return nil, err
	}
	var m rueidis.RedisMessage
	var e expiry
	for try := 1; ; try++ {
		if e, err = newExpiry(ttl); err != nil {
			return nil, err
		}
		if m, err = s.read(ctx, id, e); try == loadTries || !broken(ctx, err) {
			break
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w after: %w", ctx.Err(), err)
		case <-time.After(loadPause):
		}
	}
	if rueidis.IsRedisNil(err) {
		return nil, sojourn.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	b, err := m.AsBytes()
	if err != nil {
		return nil, errMixedUp
	}
	rec, ms, err := parse(b)
	if err != nil {
		return nil, err
	}
	if s.dead(ms, e.now) {
		return nil, sojourn.ErrTimedOut
	}
	if !e.keep {
		rec.Expires = e.expires()
	}
	return rec, nil
}

// read is the one command of Load.
func (s *Store) read(ctx context.Context, id string, e expiry) (rueidis.RedisMessage, error) {
	key := s.prefix + id
	if s.noExpire && !e.keep {
		return s.run(ctx, loadScript, key, e.head(), s.clock(e.now))
	}
	return s.do(ctx, func(b rueidis.Builder) rueidis.Completed {
		switch {
		case e.keep:
			return b.Get().Key(key).Build()
		case e.ms == 0:
			return b.Getex().Key(key).Persist().Build()
		}
		return b.Getex().Key(key).PxMilliseconds(e.ms).Build()
	})
}
