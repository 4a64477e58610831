package storetest

import (
	"time"

	"github.com/sojourn-go/sojourn"
)

var expiresCases = []testCase{
	{
		name: "Expires never",
		rule: "Expires is zero in the answer of a Load that removed the expiry.",
		run: func(p *probe) {
			id, rec := p.created("one", long)
			if got := p.holds(id, rec, sojourn.Never); !got.Expires.IsZero() {
				p.errorf("Expires is %v, want zero", got.Expires)
			}
		},
	},
	{
		name: "Expires given",
		rule: "Expires is the ttl from now in the answer of a Load that gave a ttl.",
		run: func(p *probe) {
			id, rec := p.created("one", sojourn.Never)
			for _, ttl := range []time.Duration{long, long / 2, 2 * long} {
				before := time.Now()
				got := p.holds(id, rec, ttl)
				p.expires(got, before.Add(ttl), time.Now().Add(ttl))
			}
		},
	},
	{
		name: "Expires kept",
		rule: "Expires is not zero and not later than the death of the record in the answer of a Load with Keep.",
		run: func(p *probe) {
			var got *sojourn.Record
			id, _, _ := p.briefly(func(id string, rec *sojourn.Record) (err error) {
				got, err = p.store.Load(p.ctx, id, sojourn.Keep)
				return err
			})
			p.notAfterDeath(got, p.untilGone(id))
		},
	},
	{
		name: "Expires changed",
		rule: "Expires is not zero and not later than the death of the record when Swap or Delete returns it with ErrChanged.",
		run: func(p *probe) {
			var swap, del *sojourn.Record
			id, _, _ := p.briefly(func(id string, rec *sojourn.Record) error {
				var err error
				swap, err = p.store.Swap(p.ctx, id, newRecord("never there"), newRecord("two"), long)
				if err := refused(err, sojourn.ErrChanged); err != nil {
					return err
				}
				del, err = p.store.Delete(p.ctx, id, newRecord("never there"))
				return refused(err, sojourn.ErrChanged)
			})
			death := p.untilGone(id)
			p.notAfterDeath(swap, death)
			p.notAfterDeath(del, death)
		},
	},
	{
		name: "Expires swapped",
		rule: "If Swap returns the record that it wrote, then with the right Expires.",
		run: func(p *probe) {
			id, old := p.created("one", long)
			second, third := newRecord("two"), newRecord("three")
			before := time.Now()
			got, err := p.store.Swap(p.ctx, id, old, second, 2*long)
			if err != nil {
				p.fatalf("Swap: %v", err)
			}
			if got != nil {
				p.expires(got, before.Add(2*long), time.Now().Add(2*long))
			}
			if got, err = p.store.Swap(p.ctx, id, second, third, sojourn.Never); err != nil {
				p.fatalf("Swap: %v", err)
			}
			if got != nil && !got.Expires.IsZero() {
				p.errorf("Expires after Swap with Never is %v, want zero", got.Expires)
			}
		},
	},
}

// expires checks that rec dies between the two times. It may say a little less
// for the way to a server and its clock, but not more.
func (p *probe) expires(rec *sojourn.Record, from, to time.Time) {
	p.r.Helper()
	if rec.Expires.Before(from.Add(-time.Minute)) || rec.Expires.After(to.Add(slack)) {
		p.errorf("Expires is %v, want about %v", rec.Expires, from)
	}
}

func (p *probe) notAfterDeath(rec *sojourn.Record, death time.Time) {
	p.r.Helper()
	switch {
	case rec == nil:
		p.fatalf("the returned record is nil")
	case rec.Expires.IsZero():
		p.errorf("Expires of a record that died is zero")
	case rec.Expires.After(death.Add(slack)):
		p.errorf("Expires is %v later than the record was gone", rec.Expires.Sub(death))
	}
}
