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
}

// A line is the commits that wait for one session.
type line struct {
	queue  *commitQueue
	id     string
	length int           // waiting, and the one whose turn it is; guarded by queue.mu
	turn   chan struct{} // holds a token while it is somebody's turn
	last   *Record       // written last; belongs to whose turn it is
	saves  atomic.Int64
}

// wait returns when it is the caller's turn, who must call done. It gives up
// when nobody's save has succeeded for as long as patience: then the store is
// not answering the others either.
func (q *commitQueue) wait(id string, patience time.Duration) (*line, error) {
	q.mu.Lock()
	l := q.lines[id]
	if l == nil {
		l = &line{queue: q, id: id, turn: make(chan struct{}, 1)}
		if q.lines == nil {
			q.lines = make(map[string]*line)
		}
		q.lines[id] = l
	}
	l.length++
	q.mu.Unlock()

	select {
	case l.turn <- struct{}{}:
		return l, nil
	default:
	}
	for {
		saves, timer := l.saves.Load(), time.NewTimer(patience)
		select {
		case l.turn <- struct{}{}:
			timer.Stop()
			return l, nil
		case <-timer.C:
		}
		if l.saves.Load() == saves {
			l.leave()
			return nil, fmt.Errorf("%w: other requests of this process are waiting for it", ErrUnavailable)
		}
	}
}

// saved tells those who wait what they will find in the store.
func (l *line) saved(rec *Record) {
	l.last = rec
	l.saves.Add(1)
}

func (l *line) done() {
	<-l.turn
	l.leave()
}

func (l *line) leave() {
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	if l.length--; l.length == 0 {
		delete(l.queue.lines, l.id)
	}
}
