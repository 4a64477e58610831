package sojourn

import (
	"fmt"
	"testing"
	"time"
)

// What the queue keeps of sessions that nobody is saving is bounded.
func TestTheQueueForgets(t *testing.T) {
	var q commitQueue
	for i := range 1000 {
		size := 10
		if i%2 == 0 {
			size = maxKept + 1
		}
		l, _, err := q.wait(fmt.Sprint(i), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		l.saved(&Record{Data: make([]byte, size)})
		l.done()
	}
	if len(q.lines) > len(q.empty) {
		t.Errorf("%d lines are kept, want at most %d", len(q.lines), len(q.empty))
	}
	for _, l := range q.lines {
		if l.last != nil && len(l.last.Data) > maxKept {
			t.Fatalf("a record of %d bytes is kept", len(l.last.Data))
		}
	}
}
