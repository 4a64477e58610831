package demo

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// A request is one line of the page's table of recent requests. It holds the
// pattern in place of the path: the requests are everybody's.
type request struct {
	Method   string
	route    string
	Status   int
	Commands int64
	took     time.Duration
}

// Path returns the path's pattern.
func (r request) Path() string {
	if r.route == "" {
		return "(no route)"
	}
	_, path, _ := strings.Cut(r.route, " ")
	return strings.TrimSuffix(path, "{$}")
}

// Millis returns how long the request took.
func (r request) Millis() float64 { return float64(r.took.Microseconds()) / 1000 }

const keptRequests = 12

type recentRequests struct {
	mu   sync.Mutex
	list []request // newest first
}

func (l *recentRequests) add(r request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = slices.Insert(l.list, 0, r)
	l.list = l.list[:min(len(l.list), keptRequests)]
}

func (l *recentRequests) all() []request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}
