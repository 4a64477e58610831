package sojourn

import (
	"context"
	"iter"
	"reflect"
	"sync"
	"time"
)

// A Session is one visitor's values, lifetime, flash messages and CSRF token,
// as one request sees them. It comes from [Manager.Get].
//
// All methods work in memory, except those that take a context. Changes are
// saved before the first byte of the response leaves, and what changed after
// that when the handler returns; use [Session.Save] to save at another time.
// If another request has saved meanwhile, the changes are done again on top of
// what it saved, so that both are kept.
//
// A map, slice or pointer that was got from a session, or set, may be altered
// in place; the change is found and saved. If another request has changed the
// same value meanwhile, the entries of maps and the elements appended to lists
// are kept of both, and in the rest the last one wins; [Key.Update] is exact.
// After a Save that met another request's changes, get the value again before
// altering it further.
//
// A Session may be used by several goroutines of its request at once. A value
// that they alter in place is theirs to guard.
type Session struct {
	mu       sync.Mutex
	m        *Manager
	observer observer

	id      string    // "": none yet
	base    *Record   // the record that now was decoded from; nil: none yet
	loaded  uint64    // when, in the count of the queue
	now     *contents // the session as the request sees it
	isNew   bool
	passive bool     // this request must not extend the session
	doomed  []string // ids that end with the next commit

	wantsRecord bool // even if it holds nothing
	forced      bool // write even if nothing differs
	renewing    bool // move to a new id with the next commit
	needsTouch  bool // renew the expiry with the next commit
	ended       bool // by another request; nothing is written any more
	sealed      bool // no cookie can reach the visitor any more
	failed      error
	sendCookie  bool // with this response, if the session is stored
	dropCookie  bool // with this response, if it is not
}

// An observer hears what no call can return. It passes it on with tell, when
// the session is not locked.
type observer interface {
	invalid(*InvalidError)
	problem(error)
	tell()
}

// reset makes s a new session that holds nothing.
func (s *Session) reset() {
	s.id, s.base, s.isNew = "", nil, true
	s.now = newContents(s.m.codec, s.m.detect, s.m.now())
	s.wantsRecord, s.forced, s.renewing, s.needsTouch, s.ended, s.failed = false, false, false, false, false, nil
	s.sendCookie = false
}

// change does what cannot fail.
func (s *Session) change(ch func(*contents)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.now.do(func(c *contents) error { ch(c); return nil })
}

// Get returns the value under key, nil if there is none. Values come back in
// the types that the [Codec] documents; use a [Key] to name the type. The
// error is a [*ValueError]: the value cannot be decoded.
func (s *Session) Get(key string) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, _, err := get[any](s.now, key)
	return v, err
}

// Set stores a value of any type that the [Codec] can carry. A value that it
// cannot carry fails the save with a [*ValueError] that names the key.
func (s *Session) Set(key string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.now.do(set(key, value))
}

// SetDefault returns the value under key, after setting it to value if there
// was none.
func (s *Session) SetDefault(key string, value any) (any, error) {
	return setDefaultValue[any](s, key, value)
}

func setDefaultValue[T any](s *Session, key string, v T) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.now.has(key) {
		setIt := set(key, v)
		_ = s.now.do(func(c *contents) error {
			if c.has(key) {
				return nil
			}
			return setIt(c)
		})
		// Alterations from here on are changes to whatever is there by then.
		if err := s.now.settleValue(key, s.now.live[key]); err != nil {
			return v, err
		}
	}
	v, _, err := get[T](s.now, key)
	return v, err
}

// Merge sets every value of the map.
func (s *Session) Merge(values map[string]any) {
	for key, v := range values {
		s.Set(key, v)
	}
}

// Delete removes the value under key, if there is one.
func (s *Session) Delete(key string) {
	s.change(func(c *contents) { c.remove(key) })
}

// Pop returns the value under key, nil if there is none, and removes it. A
// value that cannot be decoded stays.
func (s *Session) Pop(key string) (any, error) { return pop[any](s, key) }

func pop[T any](s *Session, key string) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok, err := get[T](s.now, key)
	if ok {
		_ = s.now.do(func(c *contents) error { c.remove(key); return nil })
	}
	return v, err
}

// PopItem removes one value and returns it with its key; ok is false if the
// session is empty.
func (s *Session) PopItem() (key string, value any, ok bool, err error) {
	keys := s.Keys()
	if len(keys) == 0 {
		return "", nil, false, nil
	}
	key = keys[len(keys)-1]
	value, err = s.Pop(key)
	return key, value, err == nil, err
}

// Clear removes all values. The session goes on; see [Session.Invalidate].
func (s *Session) Clear() {
	s.change((*contents).clear)
}

// Has reports whether there is a value under key.
func (s *Session) Has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now.has(key)
}

// Len returns the number of values.
func (s *Session) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now.len()
}

// Keys returns the keys of all values, sorted. Those of flash queues begin
// with "_f_", that of the CSRF token is "_csrft_".
func (s *Session) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now.keys()
}

// All iterates over the keys of the session and their values, sorted by key.
// A value that cannot be decoded is yielded as its [*ValueError].
func (s *Session) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, key := range s.Keys() {
			v, err := s.Get(key)
			if err != nil {
				v = err
			}
			if !yield(key, v) {
				return
			}
		}
	}
}

// Values iterates over the values as [Session.All] does.
func (s *Session) Values() iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, v := range s.All() {
			if !yield(v) {
				return
			}
		}
	}
}

// Changed makes the session be written with the next commit even if no change
// is found, for values that are altered in place while
// [Options.NoChangeDetection] is on.
func (s *Session) Changed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forced = true
	for _, v := range s.now.live {
		v.watch = v.watch || mutable(reflect.TypeOf(v.v))
	}
}

// New reports whether the session was made in this request.
func (s *Session) New() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isNew
}

// ID returns the session's id, or "" if it has none yet. Whoever knows the id
// and the secret is the visitor: keep it out of pages, URLs and logs.
func (s *Session) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// EnsureID returns the session's id, making one if it has none, and then the
// session is stored even if it holds nothing.
func (s *Session) EnsureID() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.id == "" {
		id, err := s.m.newID()
		if err != nil {
			return "", err
		}
		s.id = id
	}
	s.wantsRecord = true
	return s.id, nil
}

// Save writes the changes now, with the guarantees and within the time of a
// commit. Afterwards the session holds what is stored: its own changes on top
// of those that other requests saved. Cancelling ctx does not cancel the
// write; its values are passed on to the store.
//
// The error wraps [ErrUnavailable], [ErrOutcomeUnknown], [ErrConflict],
// [ErrNotDelivered], [ErrEnded] or is a [*ValueError]. After an error nothing
// is saved automatically any more: the handler decides, by calling Save again
// or answering with an error. After [ErrOutcomeUnknown] Save cannot be tried
// again, since that could make a change twice.
func (s *Session) Save(ctx context.Context) error {
	defer s.observer.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commit(ctx)
}

// Refresh extends the session's life in the store now, as a use of it does,
// without writing it. A session that is not stored yet is left alone.
func (s *Session) Refresh(ctx context.Context) error {
	defer s.observer.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base == nil || s.ended {
		return nil
	}
	ctx, cancel := s.m.storeContext(context.WithoutCancel(ctx))
	defer cancel()
	return s.touch(ctx)
}

// Renew moves the session to a new id with the next commit, keeping its
// values, creation time and lifetime; the old id is dead then. Call it
// whenever the visitor's rights change, above all at login, so that an id that
// someone planted or saw before is worth nothing (session fixation). The error
// is [ErrNotDelivered]: the response has begun, the new id could not reach
// the visitor.
func (s *Session) Renew() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealed {
		return ErrNotDelivered
	}
	s.renewing = s.base != nil
	return nil
}

// Invalidate ends the session: its record is deleted and its cookie expired
// with the next commit. No request that loaded it before can bring it back.
// If the session is used again in this request, it is a new one.
func (s *Session) Invalidate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base != nil {
		s.doomed = append(s.doomed, s.id)
	}
	s.reset()
	s.dropCookie = true
}

// Created returns when the session was made. Renewal does not change it.
func (s *Session) Created() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now.created
}
