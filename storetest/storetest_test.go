package storetest

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestRun(t *testing.T) {
	Run(t, func(*testing.T) sojourn.Store { return newMapStore() })
}

func TestRunWithoutPing(t *testing.T) {
	// The anonymous struct hides Ping.
	msgs := examine(t, named(t, "ping"), struct{ sojourn.Store }{newMapStore()})
	if len(msgs) != 1 || !strings.HasPrefix(msgs[0], "skipped: ") {
		t.Errorf("got %q, want one reason to skip", msgs)
	}
}

func TestNames(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range cases() {
		if seen[c.name] {
			t.Errorf("two cases have the name %q", c.name)
		}
		seen[c.name] = true
		if !strings.HasSuffix(c.rule, ".") {
			t.Errorf("%s: the rule is not a sentence: %q", c.name, c.rule)
		}
	}
}

// Every way to break a store must be caught by the case that is there for it,
// and every case must have something to catch.
func TestBrokenStores(t *testing.T) {
	// All at once: most of the time they wait for something to die.
	var wg sync.WaitGroup
	caught := make(map[string]bool)
	for _, m := range mutants {
		caught[m.caughtBy] = true
		wg.Go(func() {
			c := named(t, m.caughtBy)
			msgs := examine(t, c, m.broken(newMapStore()))
			if len(msgs) == 0 {
				t.Errorf("%q did not catch a store where %s", m.caughtBy, m.fault)
				return
			}
			for _, msg := range msgs {
				if !strings.Contains(msg, c.rule) {
					t.Errorf("%q fails without naming its rule: %s", m.caughtBy, msg)
				}
			}
		})
	}
	wg.Wait()
	for _, c := range cases() {
		if !caught[c.name] {
			t.Errorf("no broken store shows that %q catches anything", c.name)
		}
	}
}

func named(t *testing.T, name string) testCase {
	for _, c := range cases() {
		if c.name == name {
			return c
		}
	}
	t.Errorf("there is no case %q", name)
	return testCase{rule: name, run: func(*probe) {}}
}

// examine runs one case and returns how it failed.
func examine(t *testing.T, c testCase, s sojourn.Store) []string {
	r := &recorder{ctx: t.Context()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.check(r, s, 2*time.Second)
	}()
	<-done
	return r.msgs
}

// A recorder notes failures instead of failing.
type recorder struct {
	ctx  context.Context
	msgs []string
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Errorf(format string, args ...any) {
	r.msgs = append(r.msgs, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.Errorf("skipped: "+format, args...)
	runtime.Goexit()
}
