// Package sojourn gives web services on net/http server-side sessions, kept in
// Redis or in memory.
//
//	store, err := redisstore.Dial("redis://localhost:6379/0")
//	sessions, err := sojourn.New(store, os.Getenv("SESSION_SECRET"), nil)
//
//	var views = sojourn.Key[int]("views")
//
//	mux.Handle("GET /", sessions.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
//		n, err := views.Update(s, func(n int) int { return n + 1 })
//		…
//	}))
//	http.ListenAndServe(":8080", sessions.Handler(mux))
//
// # The life of a request
//
// [Manager.Handler] attaches a session to each request and asks the store
// nothing. [Manager.Get], or the adapter [Manager.With], loads it at its first
// use, in one command that also extends its life; this is the one place where
// the store can fail a handler. What the handler does to the [Session] happens
// in memory, and is kept in a change log. Before the first byte of the response leaves, the
// changes are saved in one command more, and the cookie goes into the header. A
// request that does not use its session costs no command, and a visitor for
// whom nothing is stored gets neither a record nor a cookie.
//
// # Promises
//
// No lost update: every write compares. If another request has saved since this
// one loaded, this one's changes are done again on top.
//
// No resurrection: a session that was invalidated, renewed or expired is not
// brought back by a request that loaded it before.
//
// Strict ids: an id that this library did not issue is never adopted, and a
// cookie with a bad signature is refused before the store is asked.
//
// Fail closed: while the store cannot answer, handlers get an error, and
// nobody is taken for a stranger. What could not be saved or delivered is
// always reported.
//
// # Compatibility
//
// Records and cookies that one release writes are read by all later ones of the
// same major version.
package sojourn
