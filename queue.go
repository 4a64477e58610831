package sojourn

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A commitQueue lets the commits of one process to one session take turns, so
// that contention inside the process costs no failed attempts: each is handed
// the record that the one before it has written.
type commitQueue struct {
	mu    sync.Mutex
	lines map[string]*line
	empty [256]*line // those that emptied last, for who has loaded before that
	next  int        // the place in empty to be used next
	saves atomic.Uint64
}

// maxKept bounds what an empty line holds on to, in bytes.
const maxKept = 64 << 10

// A line is the commits that wait for one session.
type line struct {
	queue *commitQueue
	id    string
	turn  chan struct{} // holds a token while it is somebody's turn

	// Guarded by queue.mu.
	length int       // waiting, and the one whose turn it is
	last   *Record   // saved last
	number uint64    // of that save among all saves
	at     time.Time // of that save
}

// now numbers a moment: what is saved later has a higher number.
func (q *commitQueue) now() uint64 { return q.saves.Load() }

// wait returns when it is the caller's turn, who must call done, and by when
// the store has to have answered: within timeout, which begins anew whenever
// somebody's save has succeeded. It gives up at that time, since the store is
// not answering the others either.
func (q *commitQueue) wait(id string, timeout time.Duration) (*line, time.Time, error) {
	l := q.join(id)
	start := time.Now()
	select {
	case l.turn <- struct{}{}:
		return l, start.Add(timeout), nil
	default:
	}
	for {
		deadline := l.progress(start).Add(timeout)
		timer := time.NewTimer(time.Until(deadline))
		select {
		case l.turn <- struct{}{}:
			timer.Stop()
			return l, l.progress(start).Add(timeout), nil
		case <-timer.C:
		}
		if !l.progress(start).Add(timeout).After(deadline) {
			l.leave()
			return nil, deadline, fmt.Errorf("%w: other requests of this process are waiting for it", ErrUnavailable)
		}
	}
}

func (q *commitQueue) join(id string) *line {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[id]
	if l == nil {
		l = &line{queue: q, id: id, turn: make(chan struct{}, 1)}
		if q.lines == nil {
			q.lines = make(map[string]*line)
		}
		q.lines[id] = l
	}
	l.length++
	return l
}

// progress returns when the last save succeeded, or start if that is later.
func (l *line) progress(start time.Time) time.Time {
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	if l.at.After(start) {
		return l.at
	}
	return start
}

// since returns the record that was saved last, if that was after the moment
// with the given number; nil otherwise.
func (l *line) since(moment uint64) *Record {
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	if l.number <= moment {
		return nil
	}
	return l.last
}

// saved tells those who wait what they will find in the store.
func (l *line) saved(rec *Record) {
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	l.last, l.number, l.at = rec, l.queue.saves.Add(1), time.Now()
}

func (l *line) done() {
	<-l.turn
	l.leave()
}

// leave keeps an empty line for a while, and forgets the one that has been
// empty longest.
func (l *line) leave() {
	q := l.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if l.length--; l.length > 0 {
		return
	}
	if l.last != nil && len(l.last.Data) > maxKept {
		l.last, l.number = nil, 0
	}
	if oldest := q.empty[q.next]; oldest != nil && oldest.length == 0 {
		delete(q.lines, oldest.id)
	}
	q.empty[q.next] = l
	q.next = (q.next + 1) % len(q.empty)
}
