package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

const (
	// short is the ttl of records that a case wants to see die.
	short = 150 * time.Millisecond

	// long is the ttl of records that outlive every case.
	long = time.Hour

	// slack is granted to clocks: a store may count whole milliseconds, and
	// the clock of a server is not quite ours.
	slack = 10 * time.Millisecond
)

// A probe is a store under test, with helpers that fail the case.
type probe struct {
	r        reporter
	ctx      context.Context
	store    sojourn.Store
	rule     string
	patience time.Duration
}

func (p *probe) errorf(format string, args ...any) {
	p.r.Helper()
	p.r.Errorf(format+"\nrule: %s", append(args, p.rule)...)
}

// fatalf ends the case. Only the goroutine that runs it may call this.
func (p *probe) fatalf(format string, args ...any) {
	p.r.Helper()
	p.r.Fatalf(format+"\nrule: %s", append(args, p.rule)...)
}

func newID() string {
	var b [24]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// newRecord returns a record with a version of its own, like every record that
// a Manager writes.
func newRecord(data string) *sojourn.Record {
	var b [12]byte
	rand.Read(b[:])
	rec := &sojourn.Record{Data: []byte(data)}
	base64.RawURLEncoding.Encode(rec.Version[:], b[:])
	return rec
}

// create stores rec under id. The store gets a record of its own, so that one
// which writes into it cannot mislead the case.
func (p *probe) create(id string, rec *sojourn.Record, ttl time.Duration) {
	p.r.Helper()
	if err := p.store.Create(p.ctx, id, copyOf(rec), ttl); err != nil {
		p.fatalf("Create under a free id: %v", err)
	}
}

// created stores a new record under a new id.
func (p *probe) created(data string, ttl time.Duration) (id string, rec *sojourn.Record) {
	p.r.Helper()
	id, rec = newID(), newRecord(data)
	p.create(id, rec, ttl)
	return id, rec
}

// swap replaces old by rec, which must succeed. A store may return the new
// record or nil then.
func (p *probe) swap(id string, old, rec *sojourn.Record, ttl time.Duration) {
	p.r.Helper()
	got, err := p.store.Swap(p.ctx, id, copyOf(old), copyOf(rec), ttl)
	if err != nil {
		p.fatalf("Swap of the record that is there: %v", err)
	}
	if got != nil {
		p.same("the record returned by a Swap that succeeded", got, rec)
	}
}

// holds loads id with ttl and compares what it holds with want.
func (p *probe) holds(id string, want *sojourn.Record, ttl time.Duration) *sojourn.Record {
	p.r.Helper()
	got, err := p.store.Load(p.ctx, id, ttl)
	if err != nil {
		p.fatalf("Load of a record that should be there: %v", err)
	}
	p.same("the loaded record", got, want)
	return got
}

// empty checks that there is no record under id.
func (p *probe) empty(id string) {
	p.r.Helper()
	rec, err := p.store.Load(p.ctx, id, sojourn.Keep)
	if err == nil && rec != nil {
		p.fatalf("Load found a record (%s) where there should be none", brief(rec.Data))
	}
	if !gone(err) {
		p.fatalf("Load where there should be no record: got error %v, want ErrNotFound", err)
	}
}

// changed checks that cur and err are the answer to a stale old: ErrChanged and
// the record that is there.
func (p *probe) changed(method string, cur *sojourn.Record, err error, want *sojourn.Record) {
	p.r.Helper()
	p.fails(method+" with a stale old", err, sojourn.ErrChanged)
	p.same("the record returned with ErrChanged", cur, want)
}

// fails checks that err is want, possibly wrapped.
func (p *probe) fails(what string, err, want error) {
	p.r.Helper()
	if !errors.Is(err, want) {
		p.fatalf("%s: got error %v, want %q", what, err, want)
	}
}

func (p *probe) same(what string, got, want *sojourn.Record) {
	p.r.Helper()
	if got == nil {
		p.fatalf("%s is nil", what)
	}
	if !bytes.Equal(got.Data, want.Data) {
		p.fatalf("%s has the data %s, want %s", what, brief(got.Data), brief(want.Data))
	}
	if got.Version != want.Version {
		p.fatalf("%s has the version %q, want %q", what, got.Version[:], want.Version[:])
	}
}

// parallel runs f n times at once and reports the errors.
func (p *probe) parallel(n int, f func(i int) error) {
	p.r.Helper()
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		p.fatalf("%v", err)
	}
}

// refused turns the error that a case wants into nil, and anything else into an
// error that says so. For use in briefly, which has to see ErrNotFound.
func refused(err, want error) error {
	switch {
	case errors.Is(err, want):
		return nil
	case err == nil:
		return fmt.Errorf("got no error, want %q", want)
	default:
		return fmt.Errorf("got error %w, want %q", err, want)
	}
}

// gone says whether err is an answer to Load where there is no live record.
func gone(err error) bool {
	return errors.Is(err, sojourn.ErrNotFound) || errors.Is(err, sojourn.ErrTimedOut)
}

func copyOf(rec *sojourn.Record) *sojourn.Record {
	return &sojourn.Record{Data: bytes.Clone(rec.Data), Version: rec.Version, Expires: rec.Expires}
}
