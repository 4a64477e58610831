package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/sojourn-go/sojourn"
)

var contextCases = []testCase{
	{
		name: "context cancelled",
		rule: "A method called with a cancelled context answers context.Canceled and has no effect.",
		run: func(p *probe) {
			ctx, cancel := context.WithCancel(p.ctx)
			cancel()
			p.refuses(ctx, context.Canceled)
		},
	},
	{
		name: "context past deadline",
		rule: "A method called after the deadline of its context answers context.DeadlineExceeded and has no effect.",
		run: func(p *probe) {
			ctx, cancel := context.WithDeadline(p.ctx, time.Now().Add(-time.Second))
			defer cancel()
			p.refuses(ctx, context.DeadlineExceeded)
		},
	},
}

// refuses calls every method with a context that is done.
func (p *probe) refuses(ctx context.Context, want error) {
	p.r.Helper()
	id, rec := p.created("one", sojourn.Never)
	free := newID()
	for _, method := range []struct {
		name string
		call func() error
	}{
		{"Load", func() error {
			_, err := p.store.Load(ctx, id, short)
			return err
		}},
		{"Create", func() error {
			return p.store.Create(ctx, free, newRecord("two"), long)
		}},
		{"Swap", func() error {
			_, err := p.store.Swap(ctx, id, rec, newRecord("two"), short)
			return err
		}},
		{"Touch", func() error {
			return p.store.Touch(ctx, id, short)
		}},
		{"Delete", func() error {
			_, err := p.store.Delete(ctx, id, rec)
			return err
		}},
		{"Delete with a nil old", func() error {
			_, err := p.store.Delete(ctx, id, nil)
			return err
		}},
	} {
		if err := method.call(); !errors.Is(err, want) {
			p.errorf("%s: got error %v, want %v", method.name, err, want)
		}
	}
	p.outlast(short)
	p.empty(free)
	p.holds(id, rec, sojourn.Keep)
}
