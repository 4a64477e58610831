package storetest

import (
	"fmt"
	"time"

	"github.com/sojourn-go/sojourn"
)

// untilGone polls until there is no record under id, and returns a time at
// which that was so.
func (p *probe) untilGone(id string) time.Time {
	p.r.Helper()
	start := time.Now()
	for {
		_, err := p.store.Load(p.ctx, id, sojourn.Keep)
		now := time.Now()
		switch {
		case gone(err):
			return now
		case err != nil:
			p.fatalf("Load while waiting for the record to die: %v", err)
		case now.Sub(start) > p.patience:
			p.fatalf("the record is still there after %v", p.patience)
		}
		time.Sleep(slack)
	}
}

// outlast waits until every record that got this ttl before is dead, without
// asking for any: a store that removes expired records when it meets them has
// not met those. The measure is another record, which gets a longer ttl later.
func (p *probe) outlast(ttl time.Duration) {
	p.r.Helper()
	id, _ := p.created("witness", ttl+5*slack)
	p.untilGone(id)
}

// expired returns a record that has died, which the store has not been asked
// for since.
func (p *probe) expired() (id string, rec *sojourn.Record) {
	p.r.Helper()
	id, rec = p.created("expired", short)
	p.outlast(short)
	return id, rec
}

// briefly creates a record with a short ttl and calls f, which must meet it
// alive. If the machine was too slow for that, it tries again with a longer
// ttl. It returns the ttl.
func (p *probe) briefly(f func(id string, rec *sojourn.Record) error) (id string, rec *sojourn.Record, ttl time.Duration) {
	p.r.Helper()
	for ttl = short; ; ttl *= 2 {
		start := time.Now()
		id, rec = p.created("brief", ttl)
		err := f(id, rec)
		switch {
		case err == nil:
			return id, rec, ttl
		case !gone(err):
			p.fatalf("with a record that lives for %v: %v", ttl, err)
		case time.Since(start) < ttl-slack:
			p.fatalf("a record created to live for %v died before: %v", ttl, err)
		case ttl > p.patience:
			p.fatalf("no record was alive after its creation: %v", err)
		}
	}
}

// brief shows data in a message.
func brief(data []byte) string {
	if len(data) > 40 {
		return fmt.Sprintf("%q... (%d bytes)", data[:40], len(data))
	}
	return fmt.Sprintf("%q", data)
}
