// Package memstore is a [sojourn.Store] in the memory of the process.
//
// It is for programs that run as one process and may lose all sessions when
// they restart, for development and for tests. Everything in it is gone when
// the process ends, and no other process sees it.
//
// It holds a bounded number of sessions and bytes. When it is full, it refuses
// new sessions with [ErrFull] and keeps those that it has: evicting would end
// the sessions of users at the will of whoever opens many.
package memstore

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojourn-go/sojourn"
)

var (
	_ sojourn.Store  = (*Store)(nil)
	_ sojourn.Pinger = (*Store)(nil)
)

// A Store keeps records in memory. It is made by [New] and may be used by any
// number of goroutines.
//
// Every method checks the context before anything else and never blocks for
// longer than it takes to look at some of the records. If a method of the
// [sojourn.Store] contract answers with an error, nothing was written; errors
// that are none of the contract's answers wrap [sojourn.ErrNotSent] to say so.
type Store struct {
	seed   maphash.Seed
	shards [shardCount]shard

	// Expiries are kept as the time since epoch on the monotonic clock: they
	// take eight bytes and do not move when the wall clock is set.
	epoch time.Time

	sessions budget
	bytes    budget

	closed  atomic.Bool
	stop    chan struct{} // closed by Close
	stopped chan struct{} // closed by the sweeper
	once    sync.Once
}

// New returns an empty store and starts the goroutine that removes expired
// records, which runs until [Store.Close]. Nil options mean the defaults. The
// error is one of the program: an option that makes no sense.
func New(opts *Options) (*Store, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{
		seed:     maphash.MakeSeed(),
		epoch:    time.Now(),
		sessions: budget{max: int64(o.MaxSessions)},
		bytes:    budget{max: o.MaxBytes},
		stop:     make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	for i := range s.shards {
		s.shards[i].entries = make(map[string]*entry)
	}
	go s.sweepEvery(o.SweepInterval)
	return s, nil
}

// Close stops the goroutine of the store and waits until it has ended. From
// then on the methods answer [ErrClosed]. Calling it again does no harm. The
// error is always nil.
func (s *Store) Close() error {
	s.once.Do(func() {
		s.closed.Store(true)
		close(s.stop)
	})
	<-s.stopped
	return nil
}

// Ping answers nil while the store is open.
func (s *Store) Ping(ctx context.Context) error {
	return s.ready(ctx)
}

// Len returns the number of records that the store holds. Those that have
// expired and were not removed yet are among them, as they are in the limit.
func (s *Store) Len() int {
	return int(s.sessions.used.Load())
}

// ready begins every method.
func (s *Store) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memstore: %w: %w", sojourn.ErrNotSent, err)
	}
	if s.closed.Load() {
		return ErrClosed
	}
	return nil
}
