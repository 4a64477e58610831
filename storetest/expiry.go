package storetest

import (
	"time"

	"github.com/sojourn-go/sojourn"
)

// ttls are the three kinds of ttl.
var ttls = []time.Duration{long, sojourn.Never, sojourn.Keep}

// withTTL are the ways to give a record a new ttl.
var withTTL = []struct {
	method string
	call   func(p *probe, id string, rec *sojourn.Record, ttl time.Duration) error
}{
	{"Load", func(p *probe, id string, _ *sojourn.Record, ttl time.Duration) error {
		_, err := p.store.Load(p.ctx, id, ttl)
		return err
	}},
	{"Touch", func(p *probe, id string, _ *sojourn.Record, ttl time.Duration) error {
		return p.store.Touch(p.ctx, id, ttl)
	}},
	{"Swap", func(p *probe, id string, rec *sojourn.Record, ttl time.Duration) error {
		_, err := p.store.Swap(p.ctx, id, rec, newRecord("swapped"), ttl)
		return err
	}},
}

var expiryCases = append([]testCase{
	{
		name: "create expires",
		rule: "A record dies when the ttl of its Create has passed, and not before.",
		run: func(p *probe) {
			start := time.Now()
			id, _ := p.created("one", short)
			if lived := p.untilGone(id).Sub(start); lived < short-slack {
				p.errorf("a record with a ttl of %v was gone after %v", short, lived)
			}
		},
	},
	{
		name: "create never",
		rule: "A record created with Never does not die, and Keep means the same to Create.",
		run: func(p *probe) {
			never, one := p.created("never", sojourn.Never)
			keep, two := p.created("keep", sojourn.Keep)
			p.outlast(short)
			p.holds(never, one, sojourn.Keep)
			p.holds(keep, two, sojourn.Keep)
			got := p.holds(keep, two, sojourn.Never)
			if !got.Expires.IsZero() {
				p.errorf("Expires is %v, want zero", got.Expires)
			}
		},
	},
}, ttlCases()...)

func ttlCases() []testCase {
	var all []testCase
	for _, by := range withTTL {
		all = append(all, testCase{
			name: by.method + " extends",
			rule: by.method + " with a positive ttl or Never lets a record live beyond its former expiry.",
			run: func(p *probe) {
				for _, ttl := range []time.Duration{long, sojourn.Never} {
					id, _, former := p.briefly(func(id string, rec *sojourn.Record) error {
						return by.call(p, id, rec, ttl)
					})
					p.outlast(former)
					if _, err := p.store.Load(p.ctx, id, sojourn.Keep); err != nil {
						p.errorf("a record that lived for %v, after %s with ttl %v and that time: %v",
							former, by.method, ttl, err)
					}
				}
			},
		}, testCase{
			name: by.method + " shortens",
			rule: by.method + " with a positive ttl lets a record die when that has passed, and not before.",
			run: func(p *probe) {
				for _, ttl := range []time.Duration{long, sojourn.Never} {
					id, rec := p.created("one", ttl)
					start := time.Now()
					if err := by.call(p, id, rec, short); err != nil {
						p.fatalf("%s: %v", by.method, err)
					}
					if lived := p.untilGone(id).Sub(start); lived < short-slack {
						p.errorf("a record given a ttl of %v was gone after %v", short, lived)
					}
				}
			},
		}, testCase{
			name: by.method + " keeps",
			rule: by.method + " with Keep leaves the expiry of a record as it is.",
			run: func(p *probe) {
				never, rec := p.created("never", sojourn.Never)
				if err := by.call(p, never, rec, sojourn.Keep); err != nil {
					p.fatalf("%s with Keep: %v", by.method, err)
				}
				id, _, ttl := p.briefly(func(id string, rec *sojourn.Record) error {
					return by.call(p, id, rec, sojourn.Keep)
				})
				p.outlast(ttl)
				p.untilGone(id)
				if _, err := p.store.Load(p.ctx, never, sojourn.Keep); err != nil {
					p.errorf("a record without expiry, after %s with Keep: %v", by.method, err)
				}
			},
		})
	}
	return all
}
