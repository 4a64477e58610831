package storetest

import "github.com/sojourn-go/sojourn"

var basicCases = []testCase{
	{
		name: "load unknown",
		rule: "Load answers ErrNotFound for an id that holds no record, and creates none.",
		run: func(p *probe) {
			id := newID()
			_, err := p.store.Load(p.ctx, id, long)
			p.fails("Load of an unknown id", err, sojourn.ErrNotFound)
			p.empty(id)
		},
	},
	{
		name: "create then load",
		rule: "Load returns the data and the version that Create stored.",
		run: func(p *probe) {
			id, rec := p.created("one", long)
			p.holds(id, rec, sojourn.Keep)
			p.holds(id, rec, long)
			p.holds(id, rec, sojourn.Never)
		},
	},
	{
		name: "create taken",
		rule: "Create answers ErrExists for an id that holds a record, and leaves that record and its expiry.",
		run: func(p *probe) {
			id, rec, _ := p.briefly(func(id string, rec *sojourn.Record) error {
				return refused(p.store.Create(p.ctx, id, newRecord("two"), long), sojourn.ErrExists)
			})
			if got, err := p.store.Load(p.ctx, id, sojourn.Keep); err == nil {
				p.same("the record after Create failed", got, rec)
			}
			p.untilGone(id)
		},
	},
	{
		name: "touch unknown",
		rule: "Touch answers ErrNotFound for an id that holds no record, and creates none.",
		run: func(p *probe) {
			id := newID()
			p.fails("Touch of an unknown id", p.store.Touch(p.ctx, id, long), sojourn.ErrNotFound)
			p.fails("Touch of an unknown id with Keep", p.store.Touch(p.ctx, id, sojourn.Keep), sojourn.ErrNotFound)
			p.fails("Touch of an unknown id with Never", p.store.Touch(p.ctx, id, sojourn.Never), sojourn.ErrNotFound)
			p.empty(id)
		},
	},
	{
		name: "touch is no change",
		rule: "A record that was touched or loaded with a ttl is still the same record to Swap and Delete.",
		run: func(p *probe) {
			id, first := p.created("one", long)
			if err := p.store.Touch(p.ctx, id, 2*long); err != nil {
				p.fatalf("Touch: %v", err)
			}
			p.holds(id, first, 3*long)
			second := newRecord("two")
			p.swap(id, first, second, long)
			if err := p.store.Touch(p.ctx, id, sojourn.Never); err != nil {
				p.fatalf("Touch: %v", err)
			}
			if _, err := p.store.Delete(p.ctx, id, second); err != nil {
				p.fatalf("Delete of the record after Touch: %v", err)
			}
			p.empty(id)
		},
	},
	{
		name: "ping",
		rule: "A store that is a Pinger and able to answer returns nil from Ping.",
		run: func(p *probe) {
			pinger, ok := p.store.(sojourn.Pinger)
			if !ok {
				p.r.Skipf("%T is not a sojourn.Pinger", p.store)
				return
			}
			if err := pinger.Ping(p.ctx); err != nil {
				p.errorf("Ping: %v", err)
			}
		},
	},
}
