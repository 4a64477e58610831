package sojourn

import (
	"context"
	"errors"
	"time"
)

// A Store keeps records under ids for as long as they may live. It knows
// nothing of what the bytes mean. Most programs use a ready one (memstore,
// redisstore) and never call these methods; whoever writes a store runs the
// conformance suite in package storetest against it.
//
// Every method is one atomic step and at most one round trip. Methods may be
// called concurrently. They obey the deadline of ctx. They answer with the
// errors of this package ([ErrNotFound], [ErrTimedOut], [ErrExists],
// [ErrChanged]), possibly wrapped; any other error means that the store could
// not answer, and then a write may or may not have taken effect, unless the
// error wraps [ErrNotSent].
//
// A ttl says when the record is to die: a positive duration from now, [Never],
// or [Keep], and nothing else. Records are immutable: neither side alters Data
// after it was handed over. The records that Swap and Delete return matter
// only together with ErrChanged.
type Store interface {
	// Load returns the record under id and, in the same step, gives it the
	// new ttl. [ErrNotFound] if there is none.
	Load(ctx context.Context, id string, ttl time.Duration) (*Record, error)

	// Create stores rec under an id that holds no record: [ErrExists] if it
	// does. [Keep] means [Never] here.
	Create(ctx context.Context, id string, rec *Record, ttl time.Duration) error

	// Swap replaces old, as Load or Swap returned it or as it was last
	// written, by rec. If another record is there now, nothing is written and
	// that record is returned together with [ErrChanged]. If there is none,
	// nothing is written: [ErrNotFound].
	Swap(ctx context.Context, id string, old, rec *Record, ttl time.Duration) (*Record, error)

	// Touch gives the record under id a new ttl without rewriting it. It is
	// no change in the sense of Swap. [ErrNotFound] if there is no record.
	Touch(ctx context.Context, id string, ttl time.Duration) error

	// Delete removes the record under id. With a nil old it removes whatever
	// is there, and an id without a record is no error. With an old it removes
	// only that, answering like Swap if it is not there.
	Delete(ctx context.Context, id string, old *Record) (*Record, error)
}

// A Record is what a [Store] keeps under one id.
type Record struct {
	// Data is what the Manager wrote, opaque to the store.
	Data []byte

	// Version names this one write: the Manager chooses it at random for
	// every record that it writes. A store compares versions to find out
	// whether a record is still the one that was read.
	Version Version

	// Expires is set by the store on the records that it returns: the time at
	// which the record dies, or a time before that if the store cannot know
	// better without asking again. Zero: never.
	Expires time.Time
}

// A Version is 96 random bits in base64url, so that stores can keep it as text.
type Version [16]byte

const (
	// Never as a time-out or ttl means that there is no limit.
	Never time.Duration = -1

	// Keep as a ttl leaves the expiry of a record as it is.
	Keep time.Duration = 0
)

// The answers of a [Store] that are not failures.
var (
	// ErrNotFound: the store has no record under the id.
	ErrNotFound = errors.New("sojourn: no such session in the store")

	// ErrTimedOut: the session is past its idle time-out or absolute lifetime.
	// Of a store only Load returns it, if the expired record is still there;
	// otherwise it can only say [ErrNotFound].
	ErrTimedOut = errors.New("sojourn: the session has timed out")

	// ErrExists: Create found a record under the id.
	ErrExists = errors.New("sojourn: the id is taken")

	// ErrChanged: the record is not the one that was to be replaced.
	ErrChanged = errors.New("sojourn: the record has changed")
)

// ErrNotSent is wrapped by a store's error when nothing can have happened: the
// request did not reach the server, or the store refused it.
var ErrNotSent = errors.New("sojourn: the request was not sent")

// A Pinger is a [Store] that can say whether it is able to answer, for health
// checks. The stores of this module are Pingers.
type Pinger interface {
	Ping(ctx context.Context) error
}

// A Resetter is a [Store] that can discard its connections. The Manager calls
// Reset when an answer belonged to another session, the mark of a connection
// on which requests and replies have slipped out of step.
type Resetter interface {
	Reset()
}
