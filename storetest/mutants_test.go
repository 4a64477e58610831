package storetest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn"
)

// The faults are those that stores have had, or that their authors would have
// liked to have.
var mutants = []struct {
	caughtBy string
	fault    string
	broken   func(s *mapStore) sojourn.Store
}{
	{"load unknown", "Load has no error for an unknown id", func(s *mapStore) sojourn.Store {
		return onLoad(s, func(rec *sojourn.Record, err error, _ time.Duration) (*sojourn.Record, error) {
			return rec, nil
		})
	}},
	{"load unknown", "Load has an error of its own", func(s *mapStore) sojourn.Store {
		return onLoad(s, func(rec *sojourn.Record, err error, _ time.Duration) (*sojourn.Record, error) {
			if err != nil {
				err = errors.New("nil reply")
			}
			return rec, err
		})
	}},
	{"create then load", "Load forgets the version", func(s *mapStore) sojourn.Store {
		return onLoad(s, func(rec *sojourn.Record, err error, _ time.Duration) (*sojourn.Record, error) {
			if rec != nil {
				rec.Version = sojourn.Version{}
			}
			return rec, err
		})
	}},
	{"create taken", "Create overwrites", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, create: func(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
			s.Delete(ctx, id, nil)
			return s.Create(ctx, id, rec, ttl)
		}}
	}},
	{"create taken", "Create that fails gives a ttl", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, create: func(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
			err := s.Create(ctx, id, rec, ttl)
			if errors.Is(err, sojourn.ErrExists) {
				s.Touch(ctx, id, ttl)
			}
			return err
		}}
	}},
	{"touch unknown", "Touch creates", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, touch: func(ctx context.Context, id string, ttl time.Duration) error {
			err := s.Touch(ctx, id, ttl)
			if err != nil {
				s.set(id, sojourn.Record{})
			}
			return err
		}}
	}},
	{"touch unknown", "Touch has no error for an unknown id", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, touch: func(ctx context.Context, id string, ttl time.Duration) error {
			s.Touch(ctx, id, ttl)
			return nil
		}}
	}},
	{"touch is no change", "Touch writes a new version", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, touch: func(ctx context.Context, id string, ttl time.Duration) error {
			rec, err := s.Load(ctx, id, ttl)
			if err == nil {
				rec := *rec
				rec.Version = newRecord("").Version
				s.set(id, rec)
			}
			return err
		}}
	}},
	{"ping", "Ping fails", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, ping: func(context.Context) error { return errors.New("no PONG") }}
	}},

	{"swap", "Swap does nothing", onSwap(func(s *mapStore) swapFunc {
		return func(ctx context.Context, id string, _, _ *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			return s.Load(ctx, id, ttl)
		}
	})},
	{"swap stale", "Swap ignores old", onSwap(ignoresOld)},
	{"swap stale", "Swap writes and answers ErrChanged", onSwap(func(s *mapStore) swapFunc {
		return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			cur, err := s.Swap(ctx, id, old, rec, ttl)
			if errors.Is(err, sojourn.ErrChanged) {
				s.set(id, *rec)
			}
			return cur, err
		}
	})},
	{"swap stale", "ErrChanged comes without the record", onSwap(func(s *mapStore) swapFunc {
		return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			_, err := s.Swap(ctx, id, old, rec, ttl)
			return nil, err
		}
	})},
	{"swap compares versions", "Swap compares data", onSwap(func(s *mapStore) swapFunc {
		return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			if cur := s.raw(id); cur != nil && bytes.Equal(cur.Data, old.Data) {
				old = cur
			}
			return s.Swap(ctx, id, old, rec, ttl)
		}
	})},
	{"swap stale keeps expiry", "Swap that fails gives a ttl", onSwap(func(s *mapStore) swapFunc {
		return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			s.Touch(ctx, id, ttl)
			return s.Swap(ctx, id, old, rec, ttl)
		}
	})},
	{"swap unknown", "Swap creates", onSwap(func(s *mapStore) swapFunc {
		return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			got, err := s.Swap(ctx, id, old, rec, ttl)
			if errors.Is(err, sojourn.ErrNotFound) {
				s.set(id, *rec)
			}
			return got, err
		}
	})},
	{"swap deleted", "Delete leaves a trace from which Swap goes on", func(s *mapStore) sojourn.Store {
		deleted := newMapStore()
		return override{
			mapStore: s,
			delete: func(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
				if cur := s.raw(id); cur != nil {
					deleted.set(id, *cur)
				}
				return s.Delete(ctx, id, old)
			},
			swap: func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
				if was := deleted.raw(id); was != nil && was.Version == old.Version {
					s.set(id, *rec)
					return nil, nil
				}
				return s.Swap(ctx, id, old, rec, ttl)
			},
		}
	}},
	{"swap chain", "Swap takes only loaded records", onSwap(func(s *mapStore) swapFunc {
		return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			if cur := s.raw(id); cur != nil && !cur.Expires.Equal(old.Expires) {
				return cur, sojourn.ErrChanged
			}
			return s.Swap(ctx, id, old, rec, ttl)
		}
	})},
	{"swap after changed", "Swap refuses what came with ErrChanged", onSwap(func(s *mapStore) swapFunc {
		failed := make(map[string]bool)
		return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			if failed[id] {
				return s.raw(id), sojourn.ErrChanged
			}
			got, err := s.Swap(ctx, id, old, rec, ttl)
			failed[id] = err != nil
			return got, err
		}
	})},

	{"delete any", "Delete with nil does nothing", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, delete: func(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
			if old == nil {
				return nil, nil
			}
			return s.Delete(ctx, id, old)
		}}
	}},
	{"delete any unknown", "Delete with nil wants a record", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, delete: func(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
			if s.raw(id) == nil {
				return nil, sojourn.ErrNotFound
			}
			return s.Delete(ctx, id, old)
		}}
	}},
	{"delete", "Delete with an old does nothing", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, delete: func(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
			return nil, nil
		}}
	}},
	{"delete stale", "Delete ignores old", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, delete: func(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
			return s.Delete(ctx, id, nil)
		}}
	}},
	{"delete unknown", "Delete ignores old", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, delete: func(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
			return s.Delete(ctx, id, nil)
		}}
	}},

	{"create expires", "nothing ever dies", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Create", always(sojourn.Never))
	}},
	{"create expires", "records die early", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Create", func(ttl time.Duration) time.Duration { return ttl / 2 })
	}},
	{"create never", "Keep is an expiry now", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Create", instead(sojourn.Keep, time.Nanosecond))
	}},
	{"create never", "Never is a default", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Create", instead(sojourn.Never, short))
	}},
	{"Load extends", "Load gives no ttl", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Load", always(sojourn.Keep))
	}},
	{"Load extends", "Load with Never keeps", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Load", instead(sojourn.Never, sojourn.Keep))
	}},
	{"Touch extends", "Touch gives no ttl", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Touch", always(sojourn.Keep))
	}},
	{"Touch extends", "Touch with Never keeps", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Touch", instead(sojourn.Never, sojourn.Keep))
	}},
	{"Swap extends", "Swap gives no ttl", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Swap", always(sojourn.Keep))
	}},
	{"Load shortens", "Load only removes the expiry", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Load", func(ttl time.Duration) time.Duration {
			if ttl > 0 {
				return sojourn.Never
			}
			return ttl
		})
	}},
	{"Touch shortens", "Touch never shortens", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Touch", func(ttl time.Duration) time.Duration { return max(ttl, long) })
	}},
	{"Swap shortens", "Swap never shortens", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Swap", func(ttl time.Duration) time.Duration { return max(ttl, long) })
	}},
	{"Load keeps", "Load with Keep extends", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Load", instead(sojourn.Keep, long))
	}},
	{"Touch keeps", "Touch with Keep removes the expiry", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Touch", instead(sojourn.Keep, sojourn.Never))
	}},
	{"Touch keeps", "Touch with Keep sets a default", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Touch", instead(sojourn.Keep, short))
	}},
	{"Swap keeps", "Swap with Keep removes the expiry", func(s *mapStore) sojourn.Store {
		return onTTL(s, "Swap", instead(sojourn.Keep, sojourn.Never))
	}},

	{"expired load", "Load revives", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, load: func(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
			if ttl > 0 {
				revive(s, id)
			}
			return s.Load(ctx, id, ttl)
		}}
	}},
	{"expired swap", "Swap revives", onSwap(func(s *mapStore) swapFunc {
		return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			revive(s, id)
			return s.Swap(ctx, id, old, rec, ttl)
		}
	})},
	{"expired swap stale", "Swap compares before it looks at the expiry", onSwap(func(s *mapStore) swapFunc {
		return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			if cur := s.raw(id); cur != nil && cur.Version != old.Version {
				return cur, sojourn.ErrChanged
			}
			return s.Swap(ctx, id, old, rec, ttl)
		}
	})},
	{"expired touch", "Touch revives", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, touch: func(ctx context.Context, id string, ttl time.Duration) error {
			revive(s, id)
			return s.Touch(ctx, id, ttl)
		}}
	}},
	{"expired delete", "Delete finds expired records", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, delete: func(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
			revive(s, id)
			return s.Delete(ctx, id, old)
		}}
	}},
	{"expired create", "expired records keep the id", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, create: func(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
			if s.raw(id) != nil {
				return sojourn.ErrExists
			}
			return s.Create(ctx, id, rec, ttl)
		}}
	}},

	{"Expires never", "Expires is always set", func(s *mapStore) sojourn.Store {
		return onLoad(s, func(rec *sojourn.Record, err error, _ time.Duration) (*sojourn.Record, error) {
			if rec != nil && rec.Expires.IsZero() {
				rec.Expires = time.Now()
			}
			return rec, err
		})
	}},
	{"Expires given", "Expires is never set", func(s *mapStore) sojourn.Store { return onExpires(s, time.Time{}) }},
	{"Expires given", "Expires is in the far future", func(s *mapStore) sojourn.Store {
		return onExpires(s, time.Now().Add(100*long))
	}},
	{"Expires kept", "Expires is never set", func(s *mapStore) sojourn.Store { return onExpires(s, time.Time{}) }},
	{"Expires kept", "Expires is later than the death", func(s *mapStore) sojourn.Store {
		return onExpires(s, time.Now().Add(long))
	}},
	{"Expires changed", "ErrChanged comes without Expires", onSwap(func(s *mapStore) swapFunc {
		return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			cur, err := s.Swap(ctx, id, old, rec, ttl)
			if cur != nil {
				cur = &sojourn.Record{Data: cur.Data, Version: cur.Version}
			}
			return cur, err
		}
	})},
	{"Expires swapped", "Swap returns the record without Expires", onSwap(func(s *mapStore) swapFunc {
		return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			cur, err := s.Swap(ctx, id, old, rec, ttl)
			if err == nil {
				cur = rec
			}
			return cur, err
		}
	})},

	{"data", "line ends are changed", func(s *mapStore) sojourn.Store {
		return onData(s, same, func(data string) string { return strings.ReplaceAll(data, "\r\n", "\n") })
	}},
	{"data", "data is text", func(s *mapStore) sojourn.Store {
		return onData(s, same, func(data string) string { return strings.ToValidUTF8(data, "\uFFFD") })
	}},
	{"data", "data ends at NUL", func(s *mapStore) sojourn.Store {
		return onData(s, same, func(data string) string {
			data, _, _ = strings.Cut(data, "\x00")
			return data
		})
	}},
	{"no data", "no data is no record", func(s *mapStore) sojourn.Store {
		return onLoad(s, func(rec *sojourn.Record, err error, _ time.Duration) (*sojourn.Record, error) {
			if rec != nil && len(rec.Data) == 0 {
				return nil, sojourn.ErrNotFound
			}
			return rec, err
		})
	}},
	{"large data", "data is cut at 64 KiB", func(s *mapStore) sojourn.Store {
		return onData(s, same, func(data string) string { return data[:min(len(data), 1<<16)] })
	}},
	{"ids", "ids ignore case", func(s *mapStore) sojourn.Store { return onData(s, strings.ToLower, same) }},
	{"ids", "ids are cut", func(s *mapStore) sojourn.Store {
		return onData(s, func(id string) string { return id[:min(len(id), 64)] }, same)
	}},
	{"ids", "'+' is a space", func(s *mapStore) sojourn.Store {
		return onData(s, func(id string) string { return strings.ReplaceAll(id, "+", "-") }, same)
	}},
	{"immutable", "Create writes into the record", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, create: func(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
			err := s.Create(ctx, id, rec, ttl)
			rec.Expires = time.Now()
			return err
		}}
	}},
	{"immutable", "Swap uses a buffer again", onSwap(func(s *mapStore) swapFunc {
		return func(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
			cur := s.raw(id)
			if cur != nil && cur.Version == old.Version {
				copy(cur.Data, rec.Data)
			}
			return s.Swap(ctx, id, old, rec, ttl)
		}
	})},

	{"concurrent swaps", "Swap looks, then writes", onSwap(func(s *mapStore) swapFunc { return twoSteps(s, false) })},
	{"concurrent creates", "Create looks, then writes", func(s *mapStore) sojourn.Store {
		return override{mapStore: s, create: func(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
			if s.raw(id) != nil {
				return sojourn.ErrExists
			}
			time.Sleep(time.Millisecond)
			s.set(id, *rec)
			return nil
		}}
	}},
	{"swaps against delete", "Swap looks, then writes", onSwap(func(s *mapStore) swapFunc { return twoSteps(s, true) })},
	{"swap against delete", "Swap looks, then writes", onSwap(func(s *mapStore) swapFunc { return twoSteps(s, true) })},
	{"many ids", "replies slip", func(s *mapStore) sojourn.Store {
		var last sojourn.Record
		return onLoad(s, func(rec *sojourn.Record, err error, _ time.Duration) (*sojourn.Record, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if rec == nil {
				return rec, err
			}
			slipped := last
			last = *rec
			return &slipped, err
		})
	}},

	{"context cancelled", "Load and Touch have no context", background},
	{"context past deadline", "Load and Touch have no context", background},
	{"context cancelled", "Create obeys the context too late", reportsLate},
	{"context past deadline", "Create obeys the context too late", reportsLate},
}
