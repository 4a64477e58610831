package demo

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sojourn-go/sojourn"
)

// costHeader tells what a request has cost until its first byte: the number of
// commands that were sent to the store.
const costHeader = "X-Store-Commands"

// A cost is what one request has cost so far.
type cost struct {
	commands atomic.Int64
	route    string // the pattern that matched
}

type costKey struct{}

// costOf returns the cost of the request that ctx belongs to; what belongs to
// none is counted for nobody.
func costOf(ctx context.Context) *cost {
	if c, ok := ctx.Value(costKey{}).(*cost); ok {
		return c
	}
	return new(cost)
}

// measure counts the store commands of every request. It goes around the
// sessions, so that the commit before the first byte is in the header.
func (a *app) measure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, c := time.Now(), new(cost)
		cw := &costWriter{ResponseWriter: w, cost: c}
		defer func() {
			if !strings.HasPrefix(r.URL.Path, "/static/") {
				a.recent.add(request{r.Method, c.route, cw.status, c.commands.Load(), time.Since(began)})
			}
		}()
		next.ServeHTTP(cw, r.WithContext(context.WithValue(r.Context(), costKey{}, c)))
		cw.begin(http.StatusOK)
	})
}

type costWriter struct {
	http.ResponseWriter
	cost   *cost
	status int // 0: the header is not written yet
}

func (w *costWriter) begin(status int) {
	if w.status == 0 {
		w.status = status
		w.Header().Set(costHeader, strconv.FormatInt(w.cost.commands.Load(), 10))
	}
}

func (w *costWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *costWriter) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

func (w *costWriter) Flush() { _ = w.FlushError() }

func (w *costWriter) FlushError() error {
	w.begin(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *costWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A countingStore adds every command to the cost of the request that it is
// sent for.
type countingStore struct{ sojourn.Store }

func count(ctx context.Context) { costOf(ctx).commands.Add(1) }

func (s *countingStore) Load(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
	count(ctx)
	return s.Store.Load(ctx, id, ttl)
}

func (s *countingStore) Create(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
	count(ctx)
	return s.Store.Create(ctx, id, rec, ttl)
}

func (s *countingStore) Swap(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
	count(ctx)
	return s.Store.Swap(ctx, id, old, rec, ttl)
}

func (s *countingStore) Touch(ctx context.Context, id string, ttl time.Duration) error {
	count(ctx)
	return s.Store.Touch(ctx, id, ttl)
}

func (s *countingStore) Delete(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
	count(ctx)
	return s.Store.Delete(ctx, id, old)
}

// Ping forwards [sojourn.Pinger].
func (s *countingStore) Ping(ctx context.Context) error {
	p, ok := s.Store.(sojourn.Pinger)
	if !ok {
		return errors.New("demo: the store is no sojourn.Pinger")
	}
	count(ctx)
	return p.Ping(ctx)
}

// Reset forwards [sojourn.Resetter].
func (s *countingStore) Reset() {
	if r, ok := s.Store.(sojourn.Resetter); ok {
		r.Reset()
	}
}
