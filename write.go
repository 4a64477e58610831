package sojourn

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The store's writes, made certain. When an answer does not arrive, the same
// write is sent again: it carries the same Version and depends on the same
// record as before, so it cannot take effect twice, and its answer tells
// whether it already has. All run within the deadline of ctx. Errors are an
// answer of the store, or wrap ErrUnavailable: nothing happened, or
// ErrOutcomeUnknown.

// replace swaps old for rec.
func (m *Manager) replace(ctx context.Context, id string, old, rec *Record, ttl time.Duration) (*Record, error) {
	var current *Record
	err := certain(ctx, func(again bool) (err error) {
		current, err = m.store.Swap(ctx, id, old, rec, ttl)
		if again && errors.Is(err, ErrChanged) {
			if current.Version == rec.Version {
				return nil
			}
			return ErrOutcomeUnknown // written on top of ours, or in its place
		}
		return err
	})
	return current, err
}

// insert creates rec.
func (m *Manager) insert(ctx context.Context, id string, rec *Record, ttl time.Duration) error {
	return certain(ctx, func(again bool) error {
		err := m.store.Create(ctx, id, rec, ttl)
		if again && errors.Is(err, ErrExists) {
			current, loadErr := m.store.Load(ctx, id, Keep)
			if loadErr != nil {
				return loadErr
			}
			if current.Version == rec.Version {
				return nil
			}
		}
		return err
	})
}

// remove deletes whatever is under id.
func (m *Manager) remove(ctx context.Context, id string) error {
	return certain(ctx, func(bool) error {
		_, err := m.store.Delete(ctx, id, nil)
		return err
	})
}

// certain repeats a write until its outcome is known or the time is over.
func certain(ctx context.Context, write func(again bool) error) error {
	sent := false // an earlier try may have taken effect
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		err := write(sent)
		if err == nil || isAnswer(err) || errors.Is(err, ErrOutcomeUnknown) {
			return err
		}
		if errors.Is(err, ErrNotSent) {
			if !sent {
				return unavailable(err)
			}
		} else {
			sent = true
		}
		if !pause(ctx, wait) {
			return fmt.Errorf("%w: %w", ErrOutcomeUnknown, unavailable(err))
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
