package storetest

import "github.com/sojourn-go/sojourn"

var deleteCases = []testCase{
	{
		name: "delete any",
		rule: "Delete with a nil old removes whatever record is there.",
		run: func(p *probe) {
			id, first := p.created("one", long)
			p.swap(id, first, newRecord("two"), long)
			other, kept := p.created("other", long)
			if _, err := p.store.Delete(p.ctx, id, nil); err != nil {
				p.fatalf("Delete: %v", err)
			}
			p.empty(id)
			p.holds(other, kept, sojourn.Keep)

			// The id is free again.
			again := newRecord("again")
			p.create(id, again, long)
			p.holds(id, again, sojourn.Keep)
		},
	},
	{
		name: "delete any unknown",
		rule: "Delete with a nil old is no error for an id that holds no record.",
		run: func(p *probe) {
			id := newID()
			if _, err := p.store.Delete(p.ctx, id, nil); err != nil {
				p.fatalf("Delete of an unknown id: %v", err)
			}
			p.empty(id)
		},
	},
	{
		name: "delete",
		rule: "Delete with an old removes the record if it is that one.",
		run: func(p *probe) {
			id, first := p.created("one", long)
			second := newRecord("two")
			p.swap(id, first, second, long)
			if _, err := p.store.Delete(p.ctx, id, second); err != nil {
				p.fatalf("Delete of the record that is there: %v", err)
			}
			p.empty(id)
		},
	},
	{
		name: "delete stale",
		rule: "Delete with an old that is not there any more removes nothing and returns the current record with ErrChanged.",
		run: func(p *probe) {
			id, first := p.created("one", long)
			second := newRecord("two")
			p.swap(id, first, second, long)
			cur, err := p.store.Delete(p.ctx, id, first)
			p.changed("Delete", cur, err, second)
			p.holds(id, second, sojourn.Keep)
			if _, err := p.store.Delete(p.ctx, id, cur); err != nil {
				p.fatalf("Delete of the record returned with ErrChanged: %v", err)
			}
			p.empty(id)
		},
	},
	{
		name: "delete unknown",
		rule: "Delete with an old answers ErrNotFound for an id that holds no record.",
		run: func(p *probe) {
			id := newID()
			_, err := p.store.Delete(p.ctx, id, newRecord("one"))
			p.fails("Delete of an unknown id", err, sojourn.ErrNotFound)
			p.empty(id)
		},
	},
}
