package redisstore

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
)

// direct is how many commands may be under way without a guard: fewer than the
// queue of one connection holds (2^ringScale), so that none of them waits for a
// place in it.
const direct = 128

// begin gives ctx a deadline if it has none, because rueidis would wait without
// end, and refuses one that is done.
func (s *Store) begin(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if err := ctx.Err(); err != nil {
		return ctx, func() {}, fmt.Errorf("%w: %w", sojourn.ErrNotSent, err)
	}
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	return ctx, cancel, nil
}

// do sends one command, once.
func (s *Store) do(ctx context.Context, build func(rueidis.Builder) rueidis.Completed) (rueidis.RedisMessage, error) {
	if s.closed.Load() {
		return rueidis.RedisMessage{}, errClosed
	}
	c := *s.client.Load()
	cmd := build(c.B())
	n, seen := s.busy.Add(1), s.trouble.seen()
	if n <= direct && seen == 0 {
		r := c.Do(ctx, cmd)
		s.busy.Add(-1)
		if r.NonRedisError() != nil {
			s.trouble.mark()
		}
		m, err := r.ToMessage()
		return m, ours(ctx, err)
	}

	// In two places rueidis waits without regard to the deadline: for a place in
	// the full queue of a connection that hangs, and for somebody else's attempt
	// to connect. So someone else has to wait there. The goroutine ends when the
	// connection has been given up, if not with the answer.
	answer := make(chan rueidis.RedisResult, 1)
	go func() {
		answer <- c.Do(ctx, cmd)
		s.busy.Add(-1)
	}()
	select {
	case r := <-answer:
		if r.NonRedisError() != nil {
			s.trouble.mark()
		} else {
			s.trouble.clear(seen)
		}
		m, err := r.ToMessage()
		return m, ours(ctx, err)
	case <-ctx.Done():
		s.trouble.mark()
		return rueidis.RedisMessage{}, ctx.Err()
	}
}

// trouble remembers that a connection failed or is being made, until a command
// that began after that has succeeded.
type trouble struct {
	marks   atomic.Uint64
	current atomic.Uint64 // the last mark; 0: none
}

func (t *trouble) mark()             { t.current.Store(t.marks.Add(1)) }
func (t *trouble) seen() uint64      { return t.current.Load() }
func (t *trouble) clear(seen uint64) { t.current.CompareAndSwap(seen, 0) }
