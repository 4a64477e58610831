package demo

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// A visitor talks to a demo of its own, over real HTTP.
type visitor struct {
	t      *testing.T
	url    string
	client *http.Client
	store  *faultyStore
}

func visit(t *testing.T, opts sojourn.Options) *visitor {
	t.Helper()
	inner, err := memstore.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inner.Close() })
	store := &faultyStore{Store: inner}
	opts.Cookie.Insecure = true
	app, err := New(store, "a secret for tests only", Options{
		Sessions:  opts,
		StoreName: "memory",
		Logger:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	return (&visitor{t: t, url: server.URL, store: store}).another()
}

// another is another visitor of the same demo.
func (v *visitor) another() *visitor {
	jar, _ := cookiejar.New(nil)
	return &visitor{t: v.t, url: v.url, store: v.store, client: &http.Client{Jar: jar}}
}

type response struct {
	status int
	body   string
	header http.Header
}

func (v *visitor) call(method, path, body string, header ...string) response {
	v.t.Helper()
	r, err := http.NewRequest(method, v.url+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return v.send(r)
}

func (v *visitor) send(r *http.Request) response {
	v.t.Helper()
	answer, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return response{answer.StatusCode, strings.TrimSpace(string(b)), answer.Header}
}

// want fails the test unless the answer is as wanted; an empty body is not
// looked at.
func (v *visitor) want(got response, status int, body string) {
	v.t.Helper()
	if got.status != status || body != "" && got.body != body {
		v.t.Errorf("answered %d %s; want %d %s", got.status, got.body, status, body)
	}
}

func (v *visitor) cookies() []*http.Cookie {
	u, _ := url.Parse(v.url)
	return v.client.Jar.Cookies(u)
}

// A faultyStore fails while down is set.
type faultyStore struct {
	sojourn.Store
	down  atomic.Bool
	loads atomic.Int64
}

var errDown = errors.New("connection refused by redis.internal:6379")

func (s *faultyStore) fail() error {
	if s.down.Load() {
		return errors.Join(errDown, sojourn.ErrNotSent)
	}
	return nil
}

func (s *faultyStore) Ping(context.Context) error { return s.fail() }

func (s *faultyStore) Load(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
	if err := s.fail(); err != nil {
		return nil, err
	}
	defer s.loads.Add(1)
	return s.Store.Load(ctx, id, ttl)
}

func (s *faultyStore) Create(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
	if err := s.fail(); err != nil {
		return err
	}
	return s.Store.Create(ctx, id, rec, ttl)
}

func (s *faultyStore) Swap(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
	if err := s.fail(); err != nil {
		return nil, err
	}
	return s.Store.Swap(ctx, id, old, rec, ttl)
}
