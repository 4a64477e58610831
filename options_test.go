package sojourn_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestOptionsAreChecked(t *testing.T) {
	for _, row := range []struct {
		secret string
		opts   *sojourn.Options
		want   []string // in the error; none: accepted
	}{
		{secret, nil, nil},
		{secret, &sojourn.Options{}, nil},
		{"sixteen bytes ok", nil, nil},
		{"", nil, []string{"secret", "empty", "32"}},
		{"too short", nil, []string{"secret", "9 bytes", "16"}},
		{"too short", &sojourn.Options{InsecureShortSecret: true}, nil},
		{"", &sojourn.Options{InsecureShortSecret: true}, []string{"secret", "empty"}},
		{secret, &sojourn.Options{OldSecrets: []string{secret, "old"}}, []string{"OldSecrets[1]", "3 bytes"}},
		{secret, &sojourn.Options{OldSecrets: []string{""}}, []string{"OldSecrets[0]", "empty"}},
		{secret, &sojourn.Options{IdleTimeout: -time.Second}, []string{"IdleTimeout", "-1s", "positive"}},
		{secret, &sojourn.Options{IdleTimeout: time.Microsecond}, []string{"IdleTimeout", "1µs", "1ms"}},
		{secret, &sojourn.Options{IdleTimeout: sojourn.Never, Lifetime: sojourn.Never}, nil},
		{secret, &sojourn.Options{Lifetime: -time.Hour}, []string{"Lifetime", "-1h"}},
		{secret, &sojourn.Options{RefreshBelow: sojourn.Never}, []string{"RefreshBelow", "-1ns"}},
		{secret, &sojourn.Options{RefreshBelow: time.Hour}, []string{"RefreshBelow", "1h", "IdleTimeout", "20m"}},
		{secret, &sojourn.Options{RefreshBelow: time.Second, IdleTimeout: sojourn.Never}, []string{"RefreshBelow", "Never"}},
		{secret, &sojourn.Options{StoreTimeout: -time.Second}, []string{"StoreTimeout", "-1s"}},
		{secret, &sojourn.Options{Attempts: -1}, []string{"Attempts", "-1"}},
	} {
		t.Run(fmt.Sprint(row.want), func(t *testing.T) {
			m, err := sojourn.New(memstoreFor(t), row.secret, row.opts)
			if len(row.want) == 0 {
				if m == nil || err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("accepted")
			}
			for _, part := range append(row.want, "sojourn: ") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
			if row.secret != "" && strings.Contains(err.Error(), row.secret) {
				t.Errorf("error %q holds the secret", err)
			}
		})
	}
	if _, err := sojourn.New(nil, secret, nil); err == nil || !strings.Contains(err.Error(), "store") {
		t.Errorf("New without a store: %v", err)
	}
}

func TestOptionsAreCopied(t *testing.T) {
	opts := &sojourn.Options{IdleTimeout: time.Hour}
	site := newSite(t, opts)
	if opts.Codec != nil || opts.Cookie.Name != "" {
		t.Errorf("New altered the caller's options: %+v", opts)
	}
	opts.IdleTimeout = time.Second
	site.visitor().do(func(s *sojourn.Session) {
		if s.Timeout() != time.Hour {
			t.Errorf("Timeout %v: the manager sees what its options became", s.Timeout())
		}
	})
}

func TestErrorHandler(t *testing.T) {
	site := newSite(t, &sojourn.Options{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusTeapot)
	}})
	v := site.visitor().start()
	if w := v.do(func(s *sojourn.Session) { s.Set("f", func() {}) }); w.Code != http.StatusTeapot {
		t.Errorf("a commit that fails: %d, want the option's answer", w.Code)
	}
	site.store.on(func(string, string) error { return errBroken }, nil)
	if w := v.serve(func(w http.ResponseWriter, r *http.Request) {
		site.With(func(http.ResponseWriter, *http.Request, *sojourn.Session) {}).ServeHTTP(w, r)
	}); w.Code != http.StatusTeapot {
		t.Errorf("a load that fails: %d, want the option's answer", w.Code)
	}
}

func TestStrongIDs(t *testing.T) {
	site := newSite(t, nil)
	seen := map[string]bool{}
	for range 200 {
		site.visitor().do(func(s *sojourn.Session) {
			id, err := s.EnsureID()
			if err != nil || len(id) != 43 || seen[id] {
				t.Fatalf("id %q (%v), want 256 fresh random bits", id, err)
			}
			seen[id] = true
		})
	}
}

func TestCustomIDsAndTheirPrefix(t *testing.T) {
	n := 0
	site := newSite(t, &sojourn.Options{NewID: func() string {
		n++
		return fmt.Sprintf("session:az.AZ-09_+/=%d", n)
	}})
	v := site.visitor().start()
	v.do(func(s *sojourn.Session) {
		if s.New() || s.ID() != "session:az.AZ-09_+/=1" {
			t.Errorf("New %v, ID %q", s.New(), s.ID())
		}
	})
}
