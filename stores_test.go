package sojourn_test

import (
	"testing"

	"github.com/sojourn-go/sojourn"
)

// forEachStore runs a test on every store that a promise must hold on.
func forEachStore(t *testing.T, test func(t *testing.T, store sojourn.Store)) {
	t.Run("memory", func(t *testing.T) { test(t, memstoreFor(t)) })
}
