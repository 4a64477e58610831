package sojourn_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// damage replaces the envelope of a stored record.
func damage(t *testing.T, store sojourn.Store, id string, fn func(data []byte) []byte) {
	t.Helper()
	rec, err := store.Load(ctx, id, sojourn.Keep)
	if err != nil {
		t.Fatal(err)
	}
	data := fn(bytes.Clone(rec.Data))
	if _, err := store.Swap(ctx, id, rec, &sojourn.Record{Data: data, Version: sojourn.Version{1}}, sojourn.Keep); err != nil {
		t.Fatal(err)
	}
}

func TestReasonsOfInvalidSessions(t *testing.T) {
	const bindingLength = 16
	for _, row := range []struct {
		name   string
		spoil  func(site *site, v *visitor, id string)
		want   error
		passes bool // no hook at all
	}{
		{"valid", func(*site, *visitor, string) {}, nil, true},
		{"no cookie", func(_ *site, v *visitor, _ string) { clear(v.cookies) }, sojourn.ErrNoCookie, false},
		{"bad signature", func(_ *site, v *visitor, _ string) {
			for _, c := range v.cookies {
				c.Value = flip(c.Value, 50)
			}
		}, sojourn.ErrBadSignature, false},
		{"not in the store", func(s *site, v *visitor, id string) { _, _ = s.store.Delete(ctx, id, nil) }, sojourn.ErrNotFound, false},
		{"undecodable", func(s *site, v *visitor, id string) {
			damage(t, s.store, id, func(data []byte) []byte { return append(data[:bindingLength], "rubbish"...) })
		}, sojourn.ErrUndecodable, false},
		{"cut short", func(s *site, v *visitor, id string) {
			damage(t, s.store, id, func(data []byte) []byte { return data[:5] })
		}, sojourn.ErrUndecodable, false},
		{"another codec", func(s *site, v *visitor, id string) {
			damage(t, s.store, id, func(data []byte) []byte {
				return append(data[:bindingLength], `{"c":1,"m":{},"v":1}`...)
			})
		}, sojourn.ErrUndecodable, false},
		{"newer format", func(s *site, v *visitor, id string) {
			damage(t, s.store, id, func(data []byte) []byte { return reversion(t, data, 2) })
		}, sojourn.ErrUndecodable, false},
		{"older format", func(s *site, v *visitor, id string) {
			damage(t, s.store, id, func(data []byte) []byte { return reversion(t, data, 0) })
		}, sojourn.ErrOldFormat, false},
		{"timed out", func(s *site, v *visitor, id string) {
			// The record outlives the session in the store.
			rec, err := s.store.Load(ctx, id, sojourn.Never)
			if err != nil {
				t.Fatal(err)
			}
			damage(t, s.store, id, func([]byte) []byte { return aged(t, rec.Data, 25*time.Hour) })
		}, sojourn.ErrTimedOut, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			site := newSite(t, nil)
			v := site.visitor()
			var id string
			v.do(func(s *sojourn.Session) { s.Set("a", 1); id, _ = s.EnsureID() })
			row.spoil(site, v, id)
			site.heard()
			v.do(func(s *sojourn.Session) {
				if s.New() == row.passes {
					t.Errorf("New = %v", s.New())
				}
			})
			invalid, errs := site.heard()
			if len(errs) != 0 {
				t.Errorf("OnError %v", errs)
			}
			if row.passes {
				if len(invalid) != 0 {
					t.Errorf("OnInvalid %v", invalid)
				}
				return
			}
			if len(invalid) != 1 || invalid[0].Reason != row.want || !errors.Is(invalid[0], row.want) {
				t.Errorf("OnInvalid %v, want %v", invalid, row.want)
			}
			if row.want == sojourn.ErrTimedOut {
				if _, err := site.store.Store.Load(ctx, id, sojourn.Keep); !errors.Is(err, sojourn.ErrNotFound) {
					t.Errorf("the record of a session past its lifetime: %v, want it deleted", err)
				}
			}
			for _, secret := range []string{id, v.cookie()} {
				if secret != "" && len(invalid) > 0 && strings.Contains(invalid[0].Error(), secret) {
					t.Errorf("the error holds the id: %v", invalid[0])
				}
			}
		})
	}
}

func reversion(t *testing.T, data []byte, version int) []byte {
	return rewrite(t, data, func(e *sojourn.Envelope) { e.Version = version })
}

func aged(t *testing.T, data []byte, by time.Duration) []byte {
	return rewrite(t, data, func(e *sojourn.Envelope) { e.Created -= by.Milliseconds() })
}

func rewrite(t *testing.T, data []byte, fn func(e *sojourn.Envelope)) []byte {
	t.Helper()
	e, err := sojourn.CBOR.UnmarshalEnvelope(data[16:])
	if err != nil {
		t.Fatal(err)
	}
	fn(e)
	envelope, err := sojourn.CBOR.MarshalEnvelope(e)
	if err != nil {
		t.Fatal(err)
	}
	return append(data[:16], envelope...)
}

func TestFailUndecodable(t *testing.T) {
	site := newSite(t, &sojourn.Options{FailUndecodable: true})
	v := site.visitor()
	var id string
	v.do(func(s *sojourn.Session) { id, _ = s.EnsureID() })
	damage(t, site.store, id, func(data []byte) []byte { return append(data[:16], 0xff) })
	v.serve(func(w http.ResponseWriter, r *http.Request) {
		if s, err := site.Get(r); s != nil || !errors.Is(err, sojourn.ErrUndecodable) || errors.Is(err, sojourn.ErrUnavailable) {
			t.Errorf("Get = %v, %v; want ErrUndecodable", s, err)
		}
	})
}

// A record under an id that it was not written for is what a connection gives
// whose replies have slipped out of step.
func TestARecordOfAnotherIDIsRefused(t *testing.T) {
	site := newSite(t, nil)
	ada, bob := site.visitor(), site.visitor()
	var adaID, bobID string
	ada.do(func(s *sojourn.Session) { s.Set("name", "ada"); adaID, _ = s.EnsureID() })
	bob.do(func(s *sojourn.Session) { s.Set("name", "bob"); bobID, _ = s.EnsureID() })
	rec, err := site.store.Load(ctx, adaID, sojourn.Keep)
	if err != nil {
		t.Fatal(err)
	}
	damage(t, site.store, bobID, func([]byte) []byte { return rec.Data })
	bob.serve(func(w http.ResponseWriter, r *http.Request) {
		s, err := site.Get(r)
		if s != nil || !errors.Is(err, sojourn.ErrMisdelivered) || !errors.Is(err, sojourn.ErrUnavailable) {
			t.Errorf("Get = %v, %v; want no session and ErrMisdelivered", s, err)
		}
	})

	t.Run("the connection is replaced", func(t *testing.T) {
		store := &outOfStep{Store: site.store.Store, loads: true, rec: rec}
		cat := site.visitor()
		cat.do(func(s *sojourn.Session) { s.Set("name", "cat") })
		m, err := sojourn.New(store, secret, nil)
		if err != nil {
			t.Fatal(err)
		}
		site := newSite(t, nil)
		cat.site, site.Manager = site, m
		if got := cat.get("name"); got != "cat" || store.resets != 1 {
			t.Errorf("name = %v after %d resets, want cat after one", got, store.resets)
		}
	})
	t.Run("in the answer to a write", func(t *testing.T) {
		site := newSite(t, nil)
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Set("n", 1) })
		store := &outOfStep{Store: site.store.Store, swaps: true, rec: rec}
		m, err := sojourn.New(store, secret, nil)
		if err != nil {
			t.Fatal(err)
		}
		v.site = newSite(t, nil)
		v.site.Manager = m
		v.do(func(s *sojourn.Session) {
			add(s, 1)
			if err := s.Save(ctx); !errors.Is(err, sojourn.ErrMisdelivered) {
				t.Errorf("Save = %v, want ErrMisdelivered", err)
			}
			if name, _ := s.Get("name"); name != nil {
				t.Errorf("another's value: %v", name)
			}
		})
		if store.resets == 0 {
			t.Error("the connection was kept")
		}
	})
}

func TestDefaultLogging(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	site := newSite(t, nil)
	m, err := sojourn.New(site.store, secret, &sojourn.Options{Logger: logger, StoreTimeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	site.Manager = m
	v := site.visitor()
	var id string
	v.do(func(s *sojourn.Session) { s.Set("a", 1); id, _ = s.EnsureID() })
	cookie := v.cookie()
	bad := v.clone()
	bad.cookies["__Host-session"] = &http.Cookie{Name: "__Host-session", Value: flip(cookie, 3)}
	bad.get("a")
	site.store.on(func(string, string) error { return errBroken }, nil)
	v.serve(func(w http.ResponseWriter, r *http.Request) { _, _ = site.Get(r) })
	site.store.on(nil, nil)
	v.clone().during(nil, func(s *sojourn.Session) { s.Set("a", 2) }, func() { v.do(func(s *sojourn.Session) { s.Invalidate() }) })
	for _, want := range []string{
		"level=DEBUG", "no session cookie", "level=WARN", "bad signature", "level=ERROR", "unavailable", "level=INFO", "ended meanwhile", "path=/",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &out)
		}
	}
	for _, secret := range []string{id, cookie, secret, "?"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the log holds an id, a cookie, a secret or a query:\n%s", &out)
		}
	}
}

// outOfStep answers with another's record until it is reset.
type outOfStep struct {
	sojourn.Store
	loads, swaps bool
	rec          *sojourn.Record
	resets       int
}

func (o *outOfStep) Reset() { o.resets++ }

func (o *outOfStep) Load(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
	if o.loads && o.resets == 0 {
		return o.rec, nil
	}
	return o.Store.Load(ctx, id, ttl)
}

func (o *outOfStep) Swap(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
	if o.swaps {
		return o.rec, sojourn.ErrChanged
	}
	return o.Store.Swap(ctx, id, old, rec, ttl)
}
