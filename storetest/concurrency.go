package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/sojourn-go/sojourn"
)

const crowd = 64

var concurrencyCases = []testCase{
	{
		name: "concurrent swaps",
		rule: "Swap loses no update: of the swaps with the same old one succeeds.",
		run: func(p *probe) {
			const each = 8
			id, _ := p.created("0", long)
			p.parallel(crowd, func(int) error {
				for range each {
					if err := p.increment(id); err != nil {
						return err
					}
				}
				return nil
			})
			got, err := p.store.Load(p.ctx, id, sojourn.Keep)
			if err != nil {
				p.fatalf("Load: %v", err)
			}
			if want := strconv.Itoa(crowd * each); string(got.Data) != want {
				p.errorf("%d goroutines incremented a counter %d times each: got %s, want %s",
					crowd, each, brief(got.Data), want)
			}
		},
	},
	{
		name: "concurrent creates",
		rule: "Of concurrent Creates under one id one succeeds, and its record is the one that is kept.",
		run: func(p *probe) {
			for range 8 {
				id := newID()
				var won atomic.Pointer[sojourn.Record]
				p.parallel(crowd, func(i int) error {
					rec := newRecord(fmt.Sprint("creator ", i))
					err := p.store.Create(p.ctx, id, copyOf(rec), long)
					switch {
					case errors.Is(err, sojourn.ErrExists):
						return nil
					case err != nil:
						return fmt.Errorf("Create: %w", err)
					case !won.CompareAndSwap(nil, rec):
						return errors.New("two Creates under one id succeeded")
					}
					return nil
				})
				if won.Load() == nil {
					p.fatalf("no Create succeeded")
				}
				p.holds(id, won.Load(), sojourn.Keep)
			}
		},
	},
	{
		name: "swaps against delete",
		rule: "Once Delete has succeeded, no Swap or Touch brings the record back.",
		run: func(p *probe) {
			for range 20 {
				id, _ := p.created("0", long)
				p.parallel(9, func(i int) error {
					switch {
					case i == 0:
						_, err := p.store.Delete(p.ctx, id, nil)
						return err
					case i%2 == 0:
						err := p.store.Touch(p.ctx, id, long)
						if errors.Is(err, sojourn.ErrNotFound) {
							return nil
						}
						return err
					default:
						for range 200 {
							if err := p.increment(id); errors.Is(err, sojourn.ErrNotFound) {
								return nil
							} else if err != nil {
								return err
							}
						}
						return nil
					}
				})
				p.empty(id)
			}
		},
	},
	{
		name: "swap against delete",
		rule: "Of a Swap and a Delete with the same old one succeeds, and the other learns what it left.",
		run: func(p *probe) {
			for range 50 {
				id, old := p.created("one", long)
				rec := newRecord("two")
				var swapErr, deleteErr error
				var left *sojourn.Record
				p.parallel(2, func(i int) error {
					if i == 0 {
						_, swapErr = p.store.Swap(p.ctx, id, old, copyOf(rec), long)
					} else {
						left, deleteErr = p.store.Delete(p.ctx, id, old)
					}
					return nil
				})
				if swapErr == nil {
					p.changed("Delete", left, deleteErr, rec)
					p.holds(id, rec, sojourn.Keep)
				} else {
					p.fails("Swap that lost against Delete", swapErr, sojourn.ErrNotFound)
					if deleteErr != nil {
						p.fatalf("Delete that won against Swap: %v", deleteErr)
					}
					p.empty(id)
				}
			}
		},
	},
	{
		name: "many ids",
		rule: "Concurrent calls with different ids get each their own answer.",
		run: func(p *probe) {
			p.parallel(100, func(i int) error {
				id, old := newID(), newRecord(fmt.Sprint(i, " at first"))
				if err := p.store.Create(p.ctx, id, copyOf(old), long); err != nil {
					return err
				}
				for n := range 5 {
					got, err := p.store.Load(p.ctx, id, long)
					if err != nil {
						return err
					}
					if got.Version != old.Version || string(got.Data) != string(old.Data) {
						return fmt.Errorf("Load returned %s, want %s", brief(got.Data), brief(old.Data))
					}
					rec := newRecord(fmt.Sprint(i, " swapped ", n))
					if _, err := p.store.Swap(p.ctx, id, got, copyOf(rec), long); err != nil {
						return err
					}
					old = rec
				}
				_, err := p.store.Delete(p.ctx, id, old)
				return err
			})
		},
	},
}

// increment adds one to the number under id, as often as it takes: the record
// that comes with ErrChanged is the old of the next attempt.
func (p *probe) increment(id string) error {
	old, err := p.store.Load(p.ctx, id, long)
	for err == nil {
		n, convErr := strconv.Atoi(string(old.Data))
		if convErr != nil {
			return fmt.Errorf("the counter holds %s", brief(old.Data))
		}
		var cur *sojourn.Record
		cur, err = p.store.Swap(p.ctx, id, old, newRecord(strconv.Itoa(n+1)), long)
		if !errors.Is(err, sojourn.ErrChanged) {
			break
		}
		if cur == nil {
			return errors.New("ErrChanged without the current record")
		}
		if cur.Version == old.Version {
			return errors.New("ErrChanged though old is the current record")
		}
		old, err = cur, nil
	}
	return err
}
