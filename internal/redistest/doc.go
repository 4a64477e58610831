// Package redistest gives a test its own redis-server: real processes that can
// be paused, killed and started again, an exact count of the commands that
// clients sent, and a [Proxy] that loses, delays or mixes up replies.
//
//	srv := redistest.Start(t)
//	n := srv.Count(func() { store.Load(ctx, id, ttl) })
//	// n == redistest.Counts{"GETEX": 1}
//
// Everything that goes wrong in the helper itself ends the test with t.Fatal,
// so its functions must be called from the test's own goroutine, save where
// they say otherwise.
package redistest
