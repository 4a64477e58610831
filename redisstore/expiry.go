package redisstore

import (
	"fmt"
	"time"

	"github.com/sojourn-go/sojourn"
)

// An expiry is a ttl as the commands need it.
type expiry struct {
	now  time.Time
	keep bool
	ms   int64 // the ttl in milliseconds; 0: never
	at   int64 // when that is over, unix milliseconds; 0: never
}

func newExpiry(ttl time.Duration) (expiry, error) {
	e := expiry{now: time.Now()}
	switch {
	case ttl == sojourn.Keep:
		e.keep = true
	case ttl == sojourn.Never:
	case ttl < 0:
		return e, fmt.Errorf("%w: the ttl %v is neither positive nor Never nor Keep", sojourn.ErrNotSent, ttl)
	default:
		// Redis refuses 0, and a record should not die early: round up.
		e.ms = int64((ttl-1)/time.Millisecond) + 1
		e.at = min(e.now.UnixMilli()+e.ms, maxHead)
	}
	return e, nil
}

// head is the new head of the record; empty: the old one.
func (e expiry) head() string {
	if e.keep {
		return ""
	}
	return head(e.at)
}

// expires is what Record.Expires becomes. The ttl was counted from before the
// command was sent, so that it is never too late.
func (e expiry) expires() time.Time {
	if e.at == 0 {
		return time.Time{}
	}
	return time.UnixMilli(e.at)
}

// clock is the time for scripts to compare heads with. Without NoExpire they do
// not: what is still in Redis is alive.
func (s *Store) clock(now time.Time) string {
	if !s.noExpire {
		return ""
	}
	return head(now.UnixMilli())
}

// dead says whether a record with that head is past its time.
func (s *Store) dead(ms int64, now time.Time) bool {
	return s.noExpire && ms != 0 && ms <= now.UnixMilli()
}
