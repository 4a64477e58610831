package storetest

import (
	"fmt"

	"github.com/sojourn-go/sojourn"
)

var swapCases = []testCase{
	{
		name: "swap",
		rule: "Swap replaces the record that Load returned by a new one.",
		run: func(p *probe) {
			id, first := p.created("one", long)
			second := newRecord("two")
			p.swap(id, p.holds(id, first, long), second, long)
			p.holds(id, second, sojourn.Keep)
		},
	},
	{
		name: "swap stale",
		rule: "Swap with an old that is not there any more writes nothing and returns the current record with ErrChanged.",
		run: func(p *probe) {
			id, first := p.created("one", long)
			second := newRecord("two")
			p.swap(id, first, second, long)
			cur, err := p.store.Swap(p.ctx, id, first, newRecord("three"), long)
			p.changed("Swap", cur, err, second)
			p.holds(id, second, sojourn.Keep)
		},
	},
	{
		name: "swap compares versions",
		rule: "Two records with the same data are different records if their versions differ.",
		run: func(p *probe) {
			id, first := p.created("same", long)
			second := newRecord("same")
			p.swap(id, first, second, long)
			cur, err := p.store.Swap(p.ctx, id, first, newRecord("same"), long)
			p.changed("Swap", cur, err, second)
			p.holds(id, second, sojourn.Keep)
			cur, err = p.store.Delete(p.ctx, id, first)
			p.changed("Delete", cur, err, second)
			p.holds(id, second, sojourn.Keep)
		},
	},
	{
		name: "swap stale keeps expiry",
		rule: "Swap that answers ErrChanged gives the current record no new ttl.",
		run: func(p *probe) {
			id, _, _ := p.briefly(func(id string, rec *sojourn.Record) error {
				for _, ttl := range ttls {
					_, err := p.store.Swap(p.ctx, id, newRecord("never there"), newRecord("new"), ttl)
					if err := refused(err, sojourn.ErrChanged); err != nil {
						return err
					}
				}
				return nil
			})
			p.untilGone(id)
		},
	},
	{
		name: "swap unknown",
		rule: "Swap answers ErrNotFound for an id that holds no record, and creates none.",
		run: func(p *probe) {
			id := newID()
			for _, ttl := range ttls {
				_, err := p.store.Swap(p.ctx, id, newRecord("one"), newRecord("two"), ttl)
				p.fails("Swap of an unknown id", err, sojourn.ErrNotFound)
			}
			p.empty(id)
		},
	},
	{
		name: "swap deleted",
		rule: "Swap does not bring back a record that was deleted.",
		run: func(p *probe) {
			id, first := p.created("one", long)
			if _, err := p.store.Delete(p.ctx, id, nil); err != nil {
				p.fatalf("Delete: %v", err)
			}
			_, err := p.store.Swap(p.ctx, id, first, newRecord("two"), long)
			p.fails("Swap of a deleted record", err, sojourn.ErrNotFound)
			p.empty(id)
		},
	},
	{
		name: "swap chain",
		rule: "Swap takes as old the record that the caller wrote last, without loading it again.",
		run: func(p *probe) {
			id, old := p.created("0", long)
			for i := range 10 {
				rec := newRecord(fmt.Sprint(i + 1))
				p.swap(id, old, rec, ttls[i%len(ttls)])
				old = rec
			}
			p.holds(id, old, sojourn.Keep)
		},
	},
	{
		name: "swap after changed",
		rule: "The record that Swap returned with ErrChanged is a good old for the next Swap.",
		run: func(p *probe) {
			id, first := p.created("one", long)
			second, third := newRecord("two"), newRecord("three")
			p.swap(id, first, second, long)
			cur, err := p.store.Swap(p.ctx, id, first, third, long)
			p.changed("Swap", cur, err, second)
			p.swap(id, cur, third, long)
			p.holds(id, third, sojourn.Keep)
		},
	},
}
