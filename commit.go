package sojourn

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// commit brings the store up to date with the session: nothing, create, swap,
// move to a new id, touch, and delete. Afterwards the session holds what is
// stored. It runs in a context that outlives the client's. s.mu is held.
func (s *Session) commit(ctx context.Context) error {
	if errors.Is(s.failed, ErrOutcomeUnknown) {
		return s.failed
	}
	ctx, cancel := s.m.storeContext(context.WithoutCancel(ctx))
	defer cancel()
	err := s.end(ctx)
	if err == nil && s.ended {
		err = ErrEnded
	}
	if err == nil {
		err = s.now.settle()
	}
	if err == nil {
		s.dropNoOps()
		switch {
		case s.base == nil:
			err = s.create(ctx)
		case s.renewing:
			err = s.moveToNewID(ctx)
		case s.now.dirty || s.forced:
			err = s.swap(ctx)
		case s.needsTouch:
			s.touchOrReport(ctx)
		}
	}
	s.failed = err
	return err
}

// end deletes the records of the sessions that were invalidated.
func (s *Session) end(ctx context.Context) error {
	for len(s.doomed) > 0 {
		if err := s.m.remove(ctx, s.doomed[0]); err != nil {
			return err
		}
		s.doomed = s.doomed[1:]
	}
	return nil
}

// create stores a new session, unless it holds nothing.
func (s *Session) create(ctx context.Context) error {
	if s.now.len() == 0 && !s.wantsRecord {
		return nil
	}
	if s.sealed {
		return ErrNotDelivered
	}
	id, rec, err := s.insert(ctx, s.id)
	if err != nil {
		return err
	}
	s.id = id
	s.saved(rec)
	s.sendCookie = true
	return nil
}

// insert creates the record of s under the given id, or under a new one that
// nobody has.
func (s *Session) insert(ctx context.Context, id string) (string, *Record, error) {
	given := id != ""
	for range s.m.opts.Attempts {
		if !given {
			var err error
			if id, err = s.m.newID(); err != nil {
				return "", nil, err
			}
		}
		rec, err := s.m.encodeRecord(id, s.now)
		if err != nil {
			return "", nil, err
		}
		err = s.m.insert(ctx, id, rec, s.m.ttl(s.now))
		if !errors.Is(err, ErrExists) || given {
			return id, rec, err
		}
	}
	return "", nil, fmt.Errorf("%w: Options.NewID made %d ids that were taken", ErrExists, s.m.opts.Attempts)
}

// swap replaces the record that the session was loaded from. If another
// request was first, the changes are done again on top of what it saved.
func (s *Session) swap(ctx context.Context) error {
	line, ctx, cancel, err := s.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer line.done()
	defer cancel()
	// No pause between attempts: each fails only because another commit was
	// done, and waiting would leave the field to a process that does not.
	for range s.m.opts.Attempts {
		if s.dropNoOps(); !s.now.dirty && !s.forced {
			return nil // another request saved the same
		}
		rec, err := s.m.encodeRecord(s.id, s.now)
		if err != nil {
			return err
		}
		current, err := s.m.replace(ctx, s.id, s.base, rec, s.ttl())
		switch {
		case err == nil:
			s.saved(rec)
			line.saved(rec)
			return nil
		case errors.Is(err, ErrNotFound):
			return s.gone()
		case !errors.Is(err, ErrChanged):
			return err
		}
		if err := s.rebase(current); err != nil {
			return err
		}
	}
	return ErrConflict
}

// takeTurn waits for the other commits of this process to the session, and
// starts from what the last of them has written.
func (s *Session) takeTurn(ctx context.Context) (*line, context.Context, context.CancelFunc, error) {
	line, deadline, err := s.m.queue.wait(s.id, s.m.opts.StoreTimeout)
	if err != nil {
		return nil, nil, nil, err
	}
	if rec := line.since(s.loaded); rec != nil && rec.Version != s.base.Version {
		if err := s.rebase(rec); err != nil {
			line.done()
			return nil, nil, nil, err
		}
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	return line, ctx, cancel, nil
}

// moveToNewID renews the session: its record is created under a new id before
// the old one is retired, so that nothing is lost half-way, and the old one is
// retired only as it was copied, so that no change is lost and nobody's end of
// the session is overlooked. The two ids may live on different nodes.
func (s *Session) moveToNewID(ctx context.Context) error {
	if s.sealed {
		return ErrNotDelivered
	}
	line, ctx, cancel, err := s.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer line.done()
	defer cancel()
	newID, rec, err := s.insert(ctx, "")
	if err != nil {
		return err
	}
	if rec, err = s.retireOldID(ctx, newID, rec); err != nil {
		// Nobody will hear of the new id; if this fails, it expires unused.
		if e := s.m.remove(ctx, newID); e != nil {
			s.observer.problem(e)
		}
		if errors.Is(err, ErrNotFound) {
			return s.gone()
		}
		return err
	}
	_, _ = s.m.store.Delete(ctx, s.id, nil) // else the tombstone expires soon
	s.id, s.renewing = newID, false
	s.saved(rec)
	s.sendCookie = true
	return nil
}

// retireOldID puts a tombstone in the place of the session's old record, once the new one,
// which it returns, holds all that the old one did. A tombstone and not a deletion,
// because a deletion whose answer is lost could not be told from a logout.
func (s *Session) retireOldID(ctx context.Context, newID string, rec *Record) (*Record, error) {
	tombstone := s.m.tombstone(s.id)
	for range s.m.opts.Attempts {
		current, err := s.m.replace(ctx, s.id, s.base, tombstone, 2*s.m.opts.StoreTimeout)
		if !errors.Is(err, ErrChanged) {
			return rec, err
		}
		if err := s.rebase(current); err != nil {
			return nil, err
		}
		next, err := s.m.encodeRecord(newID, s.now)
		if err != nil {
			return nil, err
		}
		if _, err := s.m.replace(ctx, newID, rec, next, s.m.ttl(s.now)); err != nil {
			return nil, err
		}
		rec = next
	}
	return nil, ErrConflict
}

// touch renews the expiry. It writes no record.
func (s *Session) touch(ctx context.Context) error {
	err := s.m.store.Touch(ctx, s.id, s.m.ttl(s.now))
	switch {
	case errors.Is(err, ErrNotFound):
		return s.gone()
	case err != nil:
		return unavailable(err)
	}
	s.needsTouch = false
	return nil
}

// touchOrReport does not fail a request that has changed nothing: at worst
// its session ends as if this request had not used it.
func (s *Session) touchOrReport(ctx context.Context) {
	if err := s.touch(ctx); err != nil && !errors.Is(err, ErrEnded) {
		s.needsTouch = false
		s.observer.problem(err)
	}
}

// ttl is that of a write: one that must not extend the session keeps it.
func (s *Session) ttl() time.Duration {
	if s.passive {
		return Keep
	}
	return s.m.ttl(s.now)
}

// rebase puts the session's changes on top of a record that another request
// has written.
func (s *Session) rebase(rec *Record) error {
	c, err := s.m.decodeRecord(s.id, rec)
	switch {
	case errors.Is(err, errTombstone):
		return s.gone()
	case errors.Is(err, ErrMisdelivered):
		s.m.outOfStep()
		return unavailable(err)
	case err != nil:
		return err
	}
	if err := c.replay(s.now); err != nil {
		return err
	}
	if err := c.settle(); err != nil {
		return err
	}
	s.base, s.now = rec, c
	return nil
}

// dropNoOps forgets changes that made no difference to the record, lest
// they make one to a later record.
func (s *Session) dropNoOps() {
	if !s.now.dirty {
		s.now.log = nil
	}
}

// saved makes rec what the session was decoded from.
func (s *Session) saved(rec *Record) {
	s.base = rec
	s.now.dirty, s.now.log = false, nil
	s.forced, s.needsTouch = false, false
}

// gone takes note that the session was ended by somebody else. Nothing brings
// it back, and its cookie is left alone: the browser may have a newer one.
func (s *Session) gone() error {
	s.ended, s.sendCookie = true, false
	s.observer.invalid(&InvalidError{Reason: ErrEnded})
	return ErrEnded
}
