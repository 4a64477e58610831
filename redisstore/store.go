package redisstore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
)

var (
	_ sojourn.Store    = (*Store)(nil)
	_ sojourn.Pinger   = (*Store)(nil)
	_ sojourn.Resetter = (*Store)(nil)
)

// A Store is a [sojourn.Store] in Redis. Its methods may be called concurrently.
//
// They return by the deadline of their context. A context that ends without one
// is noticed at the next answer, or when Options.Timeout is over. What fails
// with [sojourn.ErrNotSent] had no effect; after any other failure of a write
// the effect is unknown. Errors hold neither ids nor data nor passwords.
type Store struct {
	prefix   string
	noExpire bool
	timeout  time.Duration

	client  atomic.Pointer[rueidis.Client]
	cached  [scripts]atomic.Bool // which scripts Redis has
	busy    atomic.Int64         // commands under way
	trouble trouble

	mu     sync.Mutex
	dial   func() (rueidis.Client, *conns) // nil: the client is the user's
	conns  *conns                          // of client
	reset  time.Time                       // when Reset last did something
	closed atomic.Bool
}

// New makes a Store on a client of yours, for settings that no URL expresses:
// Cluster, Sentinel, TLS certificates, rotating credentials. Close and Reset
// leave the client alone. opts may be nil.
//
// The client should be made with DisableCache true unless you use its cache
// yourself (it takes 128 MiB a connection), and must have ConnLifetime 0, because
// rueidis may repeat a write when a connection's life ends. DisableRetry makes no
// difference: rueidis repeats reads only, and the Store sets it a deadline. With
// Sentinel set TopologyRefreshInterval to some seconds, or a missed message pins
// the client to the old master.
//
// A reply that no command asked for makes rueidis panic or answer every later
// command with the reply to the one before. The Manager refuses records that
// arrive so, but only the program can replace the client. The connections of
// [Dial] end instead, as soon as there is a reply too many.
func New(client rueidis.Client, opts *Options) (*Store, error) {
	if client == nil {
		return nil, errors.New("redisstore: New: the client is nil")
	}
	o, err := opts.validate()
	if err != nil {
		return nil, err
	}
	s := newStore(o)
	s.client.Store(&client)
	return s, nil
}

func newStore(o Options) *Store {
	return &Store{prefix: o.Prefix, noExpire: o.NoExpire, timeout: o.Timeout}
}

// Ping returns nil if Redis answers and is ready, as a health check wants it.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel, err := s.begin(ctx)
	defer cancel()
	if err == nil {
		_, err = s.do(ctx, func(b rueidis.Builder) rueidis.Completed { return b.Ping().Build() })
	}
	if err != nil {
		return failed("Ping", "", err)
	}
	return nil
}

// resetGap is the least time between two resets that do something.
const resetGap = time.Second

// Reset replaces the connections of a Store made by [Dial] by new ones: the mark
// of a connection on which an answer went to the wrong question is that all
// later ones do too. It does not wait for Redis. Commands under way fail.
// Within a second of the last Reset it does nothing, since what is reported then
// was asked before. It does nothing either for a Store made by [New], whose
// client is not its own.
func (s *Store) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dial == nil || s.closed.Load() || time.Since(s.reset) < resetGap {
		return
	}
	fresh, open := s.dial()
	if fresh == nil {
		return
	}
	s.reset = time.Now()
	s.client.Store(&fresh)
	s.conns.retire()
	s.conns = open
}

// Close closes the connections of a Store made by [Dial]. Commands under way
// fail; later ones do with [sojourn.ErrNotSent]. The client given to [New] stays
// open. Closing twice is fine.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed.Swap(true) && s.conns != nil {
		s.conns.retire()
	}
}
