package memstore

import "github.com/sojourn-go/sojourn"

// The store's own errors. Nothing was written when one is returned, and both
// wrap [sojourn.ErrNotSent] to say so.
var (
	// ErrFull: a new or grown record does not fit, and no expired one was
	// left to make room. The records that are there are as they were. The
	// error that wraps it names the limit.
	ErrFull error = definite("memstore: the store is full")

	// ErrClosed: [Store.Close] was called.
	ErrClosed error = definite("memstore: the store is closed")
)

// A definite error leaves no doubt about what was written: nothing.
type definite string

func (e definite) Error() string { return string(e) }
func (e definite) Unwrap() error { return sojourn.ErrNotSent }
