package sojourn

import (
	"errors"
	"fmt"
	"reflect"
)

// Failures. What was not saved or not delivered is always one of these, from
// the call that noticed it or through [Options.OnError].
var (
	// ErrUnavailable: the store could not answer in time. The visitor's
	// session is neither changed nor ended, unless the error wraps
	// ErrOutcomeUnknown too.
	ErrUnavailable = errors.New("sojourn: the session store is unavailable")

	// ErrOutcomeUnknown: a write was sent, its answer never came, and what is
	// stored now does not tell whether it took effect.
	ErrOutcomeUnknown = errors.New("sojourn: the outcome of a write is unknown")

	// ErrConflict: other requests changed the session during every attempt
	// to save it. Nothing was written.
	ErrConflict = errors.New("sojourn: too many conflicting changes")

	// ErrNotDelivered: the session needed a new id, but its cookie could not
	// reach the visitor any more, or was kept off the response. Nothing was
	// written, unless by a Save before that was known.
	ErrNotDelivered = errors.New("sojourn: the cookie of a new session id could not be delivered")

	// ErrNoMiddleware: the request did not pass through [Manager.Handler].
	ErrNoMiddleware = errors.New("sojourn: the request did not pass through this manager's Handler")

	// ErrMisdelivered: the store answered with a record that belongs to
	// another id, as a connection does whose replies have slipped out of step.
	ErrMisdelivered = errors.New("sojourn: the store answered with another session's record")
)

// Reasons why a request has no valid session, beside [ErrNotFound] and
// [ErrTimedOut].
var (
	// ErrNoCookie: the request carries no session cookie.
	ErrNoCookie = errors.New("sojourn: no session cookie")

	// ErrBadSignature: the cookie was not signed with a secret of this manager.
	ErrBadSignature = errors.New("sojourn: the session cookie has a bad signature")

	// ErrUndecodable: the stored record cannot be read.
	ErrUndecodable = errors.New("sojourn: the stored session cannot be decoded")

	// ErrOldFormat: the stored record has a format that is no longer read.
	ErrOldFormat = errors.New("sojourn: the stored session has an older format")

	// ErrEnded: the session was there when the request loaded it and was
	// invalidated, renewed or expired meanwhile. Nothing was written.
	ErrEnded = errors.New("sojourn: the session was ended meanwhile")
)

// An InvalidError tells [Options.OnInvalid] why a request goes on with a new
// session, or without its changes. It never holds an id.
type InvalidError struct {
	// Reason is [ErrNoCookie], [ErrBadSignature], [ErrNotFound],
	// [ErrUndecodable], [ErrTimedOut], [ErrOldFormat] or [ErrEnded].
	Reason error
	// Err is the cause where there is one, such as the decoder's error.
	Err error
}

func (e *InvalidError) Error() string {
	if e.Err == nil {
		return e.Reason.Error()
	}
	return fmt.Sprintf("%v: %v", e.Reason, e.Err)
}

func (e *InvalidError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

// A ValueError says that one value of a session cannot be read as the wanted
// type, or cannot be stored. The other values are not affected by the first.
type ValueError struct {
	Key  string
	Type reflect.Type // wanted when reading, offered when storing
	Err  error
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("sojourn: value %q as %v: %v", e.Key, e.Type, e.Err)
}

func (e *ValueError) Unwrap() error { return e.Err }

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }

// isAnswer tells the contract's answers from a store's failures.
func isAnswer(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrTimedOut) ||
		errors.Is(err, ErrExists) || errors.Is(err, ErrChanged)
}
