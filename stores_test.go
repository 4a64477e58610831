package sojourn_test

import (
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/internal/redistest"
	"github.com/sojourn-go/sojourn/redisstore"
)

// forEachStore runs a test on every store that a promise must hold on.
func forEachStore(t *testing.T, test func(t *testing.T, store sojourn.Store)) {
	t.Run("memory", func(t *testing.T) { test(t, memstoreFor(t)) })
	t.Run("redis", func(t *testing.T) { test(t, redisFor(t, redistest.Start(t))) })
}

func redisFor(t *testing.T, server *redistest.Server) *redisstore.Store {
	t.Helper()
	store, err := redisstore.Dial(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}
