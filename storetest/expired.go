package storetest

import "github.com/sojourn-go/sojourn"

// To every method a record past its expiry is not there, whether the store has
// removed it already or not.
var expiredCases = []testCase{
	{
		name: "expired load",
		rule: "Load answers ErrTimedOut or ErrNotFound for an expired record and does not revive it.",
		run: func(p *probe) {
			for _, ttl := range ttls {
				id, _ := p.created("one", short)
				p.outlast(short)
				if _, err := p.store.Load(p.ctx, id, ttl); !gone(err) {
					p.errorf("Load with ttl %v of an expired record: got error %v, want ErrTimedOut or ErrNotFound", ttl, err)
				}
				p.empty(id)
			}
		},
	},
	{
		name: "expired swap",
		rule: "Swap answers ErrNotFound for an expired record and does not revive it.",
		run: func(p *probe) {
			id, rec := p.expired()
			_, err := p.store.Swap(p.ctx, id, rec, newRecord("two"), long)
			p.fails("Swap of an expired record", err, sojourn.ErrNotFound)
			p.empty(id)
		},
	},
	{
		name: "expired swap stale",
		rule: "Swap with a stale old answers ErrNotFound, not ErrChanged, when the current record has expired.",
		run: func(p *probe) {
			id, _ := p.expired()
			_, err := p.store.Swap(p.ctx, id, newRecord("never there"), newRecord("two"), long)
			p.fails("Swap with a stale old of an expired record", err, sojourn.ErrNotFound)
			p.empty(id)
		},
	},
	{
		name: "expired touch",
		rule: "Touch answers ErrNotFound for an expired record and does not revive it.",
		run: func(p *probe) {
			id, _ := p.expired()
			p.fails("Touch of an expired record", p.store.Touch(p.ctx, id, long), sojourn.ErrNotFound)
			p.empty(id)
		},
	},
	{
		name: "expired delete",
		rule: "Delete with an old answers ErrNotFound for an expired record; with nil it is no error.",
		run: func(p *probe) {
			id, rec := p.expired()
			_, err := p.store.Delete(p.ctx, id, rec)
			p.fails("Delete of an expired record", err, sojourn.ErrNotFound)
			p.empty(id)
			id, _ = p.expired()
			if _, err := p.store.Delete(p.ctx, id, nil); err != nil {
				p.errorf("Delete of an expired record with a nil old: %v", err)
			}
			p.empty(id)
		},
	},
	{
		name: "expired create",
		rule: "The id of an expired record is free for Create.",
		run: func(p *probe) {
			id, _ := p.expired()
			again := newRecord("again")
			p.create(id, again, long)
			p.holds(id, again, sojourn.Keep)
		},
	},
}
