// Package storetest is the conformance suite of [sojourn.Store]. A store that
// passes it may be given to a Manager.
//
// The author of a store calls [Run] from a test, with a function that opens a
// store of its own for every case:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) sojourn.Store {
//			s, err := mystore.Open(addr, mystore.Prefix(rand.Text()))
//			if err != nil {
//				t.Fatal(err)
//			}
//			t.Cleanup(s.Close)
//			return s
//		})
//	}
//
// Run it with the race detector, and against the server that the store is
// meant for rather than an imitation of it. A failure prints the rule that was
// broken. The suite replaces tests of the same rules in the store's package;
// what is left to test there is what the contract does not know of: limits,
// lost connections, what is left after closing.
//
// Records expire in real time here. Nothing asserts that something happens
// soon, only that nothing happens before its time and that it does happen
// within ten seconds; so a slow machine makes the suite slow, not red.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Run checks the stores that open returns against every rule of the contract,
// each in a parallel subtest, and returns when all are done.
//
// Open is called once per subtest, from several goroutines at once. It returns
// a store without records: a new one, or a key space of its own in a shared
// one. What has to be closed, it registers with t.Cleanup. Ids in the suite
// consist of ASCII letters, digits and "-_.:+/=", at most 200 of them.
func Run(t *testing.T, open func(t *testing.T) sojourn.Store) {
	t.Helper()
	// The group waits for its parallel subtests, so that a caller may defer
	// the end of what they all use.
	t.Run("contract", func(t *testing.T) {
		for _, c := range cases() {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.check(t, open(t), 10*time.Second)
			})
		}
	})
}

// A testCase checks one rule on a store without records.
type testCase struct {
	name string
	rule string // one sentence, printed with every failure
	run  func(p *probe)
}

func cases() []testCase {
	var all []testCase
	for _, group := range [][]testCase{
		basicCases, swapCases, deleteCases, expiryCases, expiredCases, expiresCases,
		contentCases, concurrencyCases, contextCases,
	} {
		all = append(all, group...)
	}
	return all
}

// check runs the case. It gives up on things that should come to pass when
// they have not after patience.
func (c testCase) check(r reporter, s sojourn.Store, patience time.Duration) {
	ctx, cancel := context.WithTimeout(r.Context(), 6*patience)
	defer cancel()
	c.run(&probe{r: r, ctx: ctx, store: s, rule: c.rule, patience: patience})
}

// A reporter is what the cases need of a *testing.T. The suite's own tests
// have another, to see broken stores fail.
type reporter interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}
