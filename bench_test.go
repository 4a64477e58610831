package sojourn_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// idle is a response writer that costs nothing.
type idle struct{ header http.Header }

func (w idle) Header() http.Header         { return w.header }
func (w idle) Write(b []byte) (int, error) { return len(b), nil }
func (w idle) WriteHeader(int)             {}

// requests are the kinds of request whose cost inside the process is measured.
func requests(tb testing.TB) map[string]struct {
	handler http.HandlerFunc
	request *http.Request
	allocs  float64 // at most; some more than it takes, as the race detector empties pools at random
} {
	site := newSite(tb, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) {
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			s.Set(key, key)
		}
	})
	type row = struct {
		handler http.HandlerFunc
		request *http.Request
		allocs  float64
	}
	n := sojourn.Key[int]("n")
	with := func(fn func(s *sojourn.Session)) http.HandlerFunc {
		return site.Handler(site.With(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { fn(s) })).ServeHTTP
	}
	untouched := site.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) })).ServeHTTP
	return map[string]row{
		"untouched, no cookie":   {untouched, httptest.NewRequest("GET", "/", nil), 2},
		"untouched, with cookie": {untouched, v.request(), 2},
		"read one value":         {with(func(s *sojourn.Session) { _, _ = sojourn.Key[string]("a").Get(s) }), v.request(), 64},
		"change one value":       {with(func(s *sojourn.Session) { _, _ = n.Update(s, func(n int) int { return n + 1 }) }), v.request(), 104},
	}
}

func BenchmarkRequest(b *testing.B) {
	for name, row := range requests(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			w := idle{http.Header{}}
			for b.Loop() {
				row.handler(w, row.request)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	for name, row := range requests(t) {
		w := idle{http.Header{}}
		got := testing.AllocsPerRun(200, func() { row.handler(w, row.request) })
		t.Logf("%s: %v", name, got)
		if got > row.allocs {
			t.Errorf("%s: %v allocations, want at most %v", name, got, row.allocs)
		}
	}
}
