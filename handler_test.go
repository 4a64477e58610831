package sojourn_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
)

// begin runs a real server whose handler gets the session of each request.
func (s *site) begin(handler func(w http.ResponseWriter, r *http.Request, s *sojourn.Session)) *httptest.Server {
	server := httptest.NewServer(s.Handler(s.With(handler)))
	s.t.Cleanup(server.Close)
	return server
}

// fetch sends a request of v to a real server.
func (v *visitor) fetch(server *httptest.Server) *http.Response {
	v.site.t.Helper()
	r, _ := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	for _, c := range v.cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		v.site.t.Fatal(err)
	}
	v.site.t.Cleanup(func() { res.Body.Close() })
	v.keep(res)
	return res
}

// The ways in which a response can begin. Each must carry the cookie, and find
// the record in the store.
var beginnings = map[string]func(w http.ResponseWriter){
	"nothing at all": func(w http.ResponseWriter) {},
	"WriteHeader":    func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) },
	"Write":          func(w http.ResponseWriter) { _, _ = w.Write([]byte("x")) },
	"WriteString":    func(w http.ResponseWriter) { _, _ = io.WriteString(w, "x") },
	"Flush":          func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
	"controller":     func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
	"ReadFrom":       func(w http.ResponseWriter) { _, _ = io.Copy(w, io.LimitReader(strings.NewReader("xyz"), 2)) },
	"a redirect": func(w http.ResponseWriter) {
		http.Redirect(w, httptest.NewRequest("GET", "/", nil), "/", http.StatusSeeOther)
	},
	"an early hint": func(w http.ResponseWriter) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusOK)
	},
}

func TestTheCookieLeavesWithTheFirstByte(t *testing.T) {
	for name, start := range beginnings {
		t.Run(name, func(t *testing.T) {
			site := newSite(t, nil)
			release := make(chan struct{})
			server := site.begin(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
				s.Set("a", 1)
				start(w)
				_ = http.NewResponseController(w).Flush()
				select { // the response has begun, and the handler goes on
				case <-release:
				case <-time.After(10 * time.Second):
				}
			})
			if name == "nothing at all" {
				close(release)
			} else {
				defer close(release)
			}
			v := site.visitor()
			if v.fetch(server); v.cookie() == "" {
				t.Fatal("no cookie")
			}
			if got := v.get("a"); got != int64(1) {
				t.Errorf("the client reads the answer and the store holds a = %v", got)
			}
		})
	}
}

func TestInformationalResponsesDoNotCommit(t *testing.T) {
	site := newSite(t, nil)
	server := site.begin(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		w.WriteHeader(http.StatusEarlyHints)
		s.Set("after the hint", 1)
		_, _ = io.WriteString(w, "x")
	})
	hinted := false
	r, _ := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hinted = true
			if h.Get("Set-Cookie") != "" {
				t.Error("the hint carries the cookie")
			}
			return nil
		},
	}), "GET", server.URL, nil)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if !hinted || len(res.Cookies()) != 1 {
		t.Errorf("hinted %v, cookies %v; want the cookie with the response itself", hinted, res.Cookies())
	}
}

func TestResponseController(t *testing.T) {
	site := newSite(t, nil)
	server := site.begin(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Set("a", 1)
		rc := http.NewResponseController(w)
		for what, err := range map[string]error{
			"SetReadDeadline":  rc.SetReadDeadline(time.Now().Add(time.Minute)),
			"SetWriteDeadline": rc.SetWriteDeadline(time.Now().Add(time.Minute)),
			"EnableFullDuplex": rc.EnableFullDuplex(),
			"Flush":            rc.Flush(),
		} {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
	site.visitor().fetch(server)
}

func TestSendfileIsWithinReach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	site := newSite(t, nil)
	seen := make(chan io.Reader, 1)
	v := site.visitor()
	w := &readerFrom{ResponseRecorder: httptest.NewRecorder(), seen: seen}
	site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		if _, err := io.Copy(w, f); err != nil {
			t.Error(err)
		}
	})).ServeHTTP(w, v.request())
	if src := <-seen; !isFile(src) {
		t.Errorf("the server's ReadFrom sees a %T and no file, so it cannot use sendfile", src)
	}
}

func isFile(src io.Reader) bool {
	_, ok := src.(syscall.Conn)
	return ok
}

type readerFrom struct {
	*httptest.ResponseRecorder
	seen chan io.Reader
}

func (r *readerFrom) ReadFrom(src io.Reader) (int64, error) {
	r.seen <- src
	return io.Copy(r.ResponseRecorder, src)
}

func TestHijack(t *testing.T) {
	site := newSite(t, nil)
	server := site.begin(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		n, _ := sojourn.Key[int]("n").Update(s, func(n int) int { return n + 1 })
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		defer conn.Close()
		if n > 1 { // the session as it is now must be stored by now
			if got := site.visitorOf(r).get("n"); got != int64(n) {
				t.Errorf("after Hijack the store holds n = %v, want %d", got, n)
			}
		}
		_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_ = rw.Flush()
		s.Set("late", n)
	})
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("n", 1) })
	v.fetch(server)
	if n, late := v.get("n"), v.get("late"); n != int64(2) || late != int64(2) {
		t.Errorf("n = %v, late = %v; want the changes before and after Hijack to be saved", n, late)
	}

	fresh := site.visitor()
	site.heard()
	site.store.count()
	fresh.fetch(server)
	server.Close() // until the handler is through
	if _, errs := site.heard(); len(errs) == 0 || !errors.Is(errs[0], sojourn.ErrNotDelivered) || site.store.count()["create"] != 0 {
		t.Errorf("a new session on a hijacked connection: OnError %v, want ErrNotDelivered and no record", errs)
	}
}

func (s *site) visitorOf(r *http.Request) *visitor {
	v := s.visitor()
	for _, c := range r.Cookies() {
		v.cookies[c.Name] = c
	}
	return v
}

func TestWhatCannotHijackSaysSo(t *testing.T) {
	site := newSite(t, nil)
	site.visitor().serve(func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Hijack = %v, want ErrUnsupported", err)
		}
		if err := w.(http.Pusher).Push("/", nil); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Push = %v, want ErrNotSupported", err)
		}
	})
}

func TestServerSentEvents(t *testing.T) {
	site := newSite(t, nil)
	server := site.begin(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		w.Header().Set("Content-Type", "text/event-stream")
		s.Set("streamed", true)
		rc := http.NewResponseController(w)
		for {
			if _, err := io.WriteString(w, "data: x\n\n"); err != nil || rc.Flush() != nil {
				break
			}
			select {
			case <-r.Context().Done():
				s.Set("client", "gone")
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	v := site.visitor()
	res := v.fetch(server)
	lines := bufio.NewScanner(res.Body)
	for range 5 {
		lines.Scan()
	}
	if lines.Err() != nil || v.get("streamed") != true {
		t.Errorf("while the stream is open the store holds streamed = %v (%v)", v.get("streamed"), lines.Err())
	}
	res.Body.Close()
	server.Close()
	if got := v.get("client"); got != "gone" {
		t.Errorf("what changed at the stream's end was not saved: %v", got)
	}
}

func TestLateChanges(t *testing.T) {
	write := func(w http.ResponseWriter) { _, _ = io.WriteString(w, "body") }
	t.Run("are saved at the handler's end", func(t *testing.T) {
		site := newSite(t, nil)
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Set("late", map[string]int{"n": 1}) })
		v.serve(func(w http.ResponseWriter, r *http.Request) {
			s, _ := site.Get(r)
			m, _ := sojourn.Key[map[string]int]("late").Get(s)
			write(w)
			m["n"]++ // in place
		})
		if got := v.get("late").(map[string]any)["n"]; got != int64(2) {
			t.Errorf("late = %v, want 2", got)
		}
	})
	t.Run("of a new session are reported", func(t *testing.T) {
		site := newSite(t, nil)
		v := site.visitor()
		w := v.serve(func(w http.ResponseWriter, r *http.Request) {
			s, _ := site.Get(r)
			write(w)
			s.Set("late", 1)
			if err := s.Save(ctx); !errors.Is(err, sojourn.ErrNotDelivered) {
				t.Errorf("Save = %v, want ErrNotDelivered", err)
			}
		})
		w2 := v.serve(func(w http.ResponseWriter, r *http.Request) {
			write(w)
			s, _ := site.Get(r) // loaded late, too
			s.Set("late", 1)
		})
		_, errs := site.heard()
		if len(errs) != 1 || !errors.Is(errs[0], sojourn.ErrNotDelivered) || site.store.count()["create"] != 0 {
			t.Errorf("OnError %v, want ErrNotDelivered once (Save told its caller), and no record", errs)
		}
		if w.Body.String() != "body" || w2.Code != http.StatusOK || v.cookie() != "" {
			t.Error("the response must stay as it was")
		}
	})
	t.Run("Renew refuses", func(t *testing.T) {
		site := newSite(t, nil)
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Set("a", 1) })
		v.serve(func(w http.ResponseWriter, r *http.Request) {
			s, _ := site.Get(r)
			write(w)
			if err := s.Renew(); !errors.Is(err, sojourn.ErrNotDelivered) {
				t.Errorf("Renew after the first byte = %v, want ErrNotDelivered", err)
			}
			s.Set("a", 2)
		})
		if got := v.get("a"); got != int64(2) {
			t.Errorf("a = %v, want the session to go on under its id", got)
		}
	})
	t.Run("Invalidate works", func(t *testing.T) {
		site := newSite(t, nil)
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Set("a", 1) })
		v.serve(func(w http.ResponseWriter, r *http.Request) {
			s, _ := site.Get(r)
			write(w)
			s.Invalidate()
		})
		if got := v.get("a"); got != nil {
			t.Errorf("a = %v after a late Invalidate", got)
		}
	})
	t.Run("that fail are reported", func(t *testing.T) {
		site := newSite(t, &sojourn.Options{StoreTimeout: 30 * time.Millisecond})
		v := site.visitor()
		v.do(func(s *sojourn.Session) { s.Set("a", 1) })
		w := v.serve(func(w http.ResponseWriter, r *http.Request) {
			s, _ := site.Get(r)
			write(w)
			s.Set("a", 2)
			site.store.on(func(string, string) error { return errBroken }, nil)
		})
		_, errs := site.heard()
		if len(errs) != 1 || !errors.Is(errs[0], sojourn.ErrUnavailable) || w.Body.String() != "body" {
			t.Errorf("OnError %v, body %q; want ErrUnavailable and the body as it was", errs, w.Body)
		}
	})
}

func TestACommitThatFailsBeforeTheFirstByteReplacesTheResponse(t *testing.T) {
	site := newSite(t, &sojourn.Options{StoreTimeout: 30 * time.Millisecond})
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	for name, start := range beginnings {
		if name == "an early hint" {
			continue // the recorder takes it for the response
		}
		t.Run(name, func(t *testing.T) {
			site.store.on(func(op, _ string) error {
				if op == "swap" {
					return errBroken
				}
				return nil
			}, nil)
			w := v.serve(func(w http.ResponseWriter, r *http.Request) {
				s, err := site.Get(r)
				if err != nil {
					t.Fatal(err)
				}
				s.Set("a", 2)
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Length", "9")
				w.Header().Set("Location", "/welcome")
				w.Header().Set("Cache-Control", "private, max-age=60")
				w.Header().Set("X-Kept", "yes")
				start(w)
				n, err := w.Write([]byte("all well"))
				if name != "nothing at all" && (n != 0 || !errors.Is(err, sojourn.ErrUnavailable)) {
					t.Errorf("Write = %d, %v; want 0 and ErrUnavailable", n, err)
				}
			})
			site.store.on(nil, nil)
			h := w.Result().Header
			if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "well") ||
				h.Get("Location") != "" || h.Get("Content-Length") == "9" || h.Get("Cache-Control") != "no-store" || h.Get("X-Kept") != "yes" {
				t.Errorf("answer %d %v %q; want 503 and nothing of the handler's", w.Code, h, w.Body)
			}
			if got := v.get("a"); got != int64(1) {
				t.Errorf("a = %v", got)
			}
		})
	}
}

func TestRedisDown(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("user", "ada") })
	site.store.on(func(string, string) error { return errBroken }, nil)
	handler := site.Handler(site.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		t.Error("the handler runs without knowing the visitor")
	}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, v.request())
	if w.Code != http.StatusServiceUnavailable || len(w.Result().Cookies()) != 0 {
		t.Errorf("answer %d, Set-Cookie %v; want 503 and the cookie left alone", w.Code, w.Result().Cookies())
	}
	v.serve(func(w http.ResponseWriter, r *http.Request) {
		s, err := site.Get(r)
		s2, err2 := site.Get(r)
		if s != nil || s2 != nil || !errors.Is(err, sojourn.ErrUnavailable) || !errors.Is(err, errBroken) || err2 != err {
			t.Errorf("Get = %v, %v, then %v, %v; want no session and ErrUnavailable both times", s, err, s2, err2)
		}
	})
	if _, errs := site.heard(); len(errs) != 2 {
		t.Errorf("OnError heard %v, want one failure for each request", errs)
	}
	if w := v.serve(func(w http.ResponseWriter, r *http.Request) {}); w.Code != http.StatusOK {
		t.Errorf("a request that needs no session: %d", w.Code)
	}
	site.store.on(nil, nil)
	if got := v.get("user"); got != "ada" {
		t.Errorf("after the failure user = %v: logged out", got)
	}
	// A visitor without a cookie needs no store to be told apart.
	site.store.on(func(string, string) error { return errBroken }, nil)
	site.visitor().do(func(s *sojourn.Session) {
		if !s.New() {
			t.Error("a visitor without a cookie is not new")
		}
	})
}

func TestAClientThatHangsUpIsNoFailureOfTheStore(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor().start()
	gone, hangUp := context.WithCancel(ctx)
	hangUp()
	site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, err := site.Get(r); s != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("Get = %v, %v; want the error", s, err)
		}
	})).ServeHTTP(httptest.NewRecorder(), v.request().WithContext(gone))
	if _, errs := site.heard(); len(errs) != 0 {
		t.Errorf("OnError heard %v", errs)
	}
}

func TestLogoutThatCannotBeSavedIsNotConfirmed(t *testing.T) {
	site := newSite(t, &sojourn.Options{StoreTimeout: 30 * time.Millisecond})
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	site.store.on(func(op, _ string) error {
		if op == "delete" {
			return errBroken
		}
		return nil
	}, nil)
	w := v.do(func(s *sojourn.Session) { s.Invalidate() })
	if w.Code != http.StatusServiceUnavailable || len(w.Result().Cookies()) != 0 {
		t.Errorf("answer %d, Set-Cookie %v; want 503, and the cookie kept to try again", w.Code, w.Result().Cookies())
	}
}

func TestPanics(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	for name, start := range map[string]func(w http.ResponseWriter){
		"before the first byte": beginnings["nothing at all"],
		"after the first byte":  beginnings["Write"],
	} {
		t.Run(name, func(t *testing.T) {
			var caught any
			recovers := func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if caught = recover(); caught != nil {
						w.WriteHeader(http.StatusInternalServerError)
					}
				}()
				site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					s, _ := site.Get(r)
					start(w)
					s.Set("a", name)
					panic("oops")
				})).ServeHTTP(w, r)
			}
			recovers(httptest.NewRecorder(), v.request())
			if caught != "oops" || v.get("a") != name {
				t.Errorf("recovered %v, a = %v; want the panic to go on and the change to be saved", caught, v.get("a"))
			}
		})
	}
	t.Run("a new visitor's cookie goes with what the recovering middleware writes", func(t *testing.T) {
		fresh := site.visitor()
		w := httptest.NewRecorder()
		func() {
			defer func() { _ = recover(); w.WriteHeader(http.StatusInternalServerError) }()
			site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s, _ := site.Get(r)
				s.Set("a", 1)
				panic("oops")
			})).ServeHTTP(w, fresh.request())
		}()
		fresh.keep(w.Result())
		if fresh.get("a") != int64(1) {
			t.Error("the session of a visitor whose handler panicked is lost")
		}
	})
}

func TestWithoutTheMiddleware(t *testing.T) {
	site, other := newSite(t, nil), newSite(t, nil)
	r := site.visitor().request()
	for range 2 {
		if s, err := site.Get(r); s != nil || !errors.Is(err, sojourn.ErrNoMiddleware) {
			t.Errorf("Get = %v, %v; want ErrNoMiddleware", s, err)
		}
	}
	site.visitor().serve(func(w http.ResponseWriter, r *http.Request) {
		if _, err := other.Get(r); !errors.Is(err, sojourn.ErrNoMiddleware) {
			t.Errorf("Get of another manager = %v, want ErrNoMiddleware", err)
		}
	})
}

func TestSeveralManagers(t *testing.T) {
	store := memstoreFor(t)
	shop := newSiteOn(t, store, &sojourn.Options{Cookie: sojourn.Cookie{Name: "shop"}})
	admin := newSiteOn(t, store, &sojourn.Options{Cookie: sojourn.Cookie{Name: "admin", Path: "/admin"}})
	v := shop.visitor()
	both := func(fn func(a, b *sojourn.Session)) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		shop.Handler(admin.Handler(shop.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a, err := shop.Get(r)
			if err != nil {
				t.Fatal(err)
			}
			b, err := admin.Get(r)
			if err != nil {
				t.Fatal(err)
			}
			fn(a, b)
		})))).ServeHTTP(w, v.request())
		v.keep(w.Result())
		return w
	}
	both(func(a, b *sojourn.Session) { a.Set("x", "shop"); b.Set("x", "admin") })
	if len(v.cookies) != 2 {
		t.Fatalf("cookies %v, want two", v.cookies)
	}
	both(func(a, b *sojourn.Session) {
		x, _ := a.Get("x")
		y, _ := b.Get("x")
		if x != "shop" || y != "admin" {
			t.Errorf("x = %v and %v", x, y)
		}
		b.Invalidate()
	})
	both(func(a, b *sojourn.Session) {
		if a.New() || !b.New() {
			t.Errorf("after one was ended: New = %v, %v; want false, true", a.New(), b.New())
		}
	})
	// A cookie is worth nothing under another manager's name.
	v.cookies["admin"] = &http.Cookie{Name: "admin", Value: v.cookies["shop"].Value}
	both(func(a, b *sojourn.Session) {
		if !b.New() {
			t.Error("one manager took the other's cookie")
		}
	})
}

func TestNothingIsAskedOfTheStoreUnlessTheSessionIsUsed(t *testing.T) {
	site := newSite(t, nil)
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	site.store.count()
	for name, start := range beginnings {
		if w := v.serve(func(w http.ResponseWriter, r *http.Request) { start(w) }); len(w.Result().Cookies()) != 0 || w.Header().Get("Vary") != "" {
			t.Errorf("%s: header %v", name, w.Header())
		}
	}
	stranger := site.visitor()
	if w := stranger.do(func(s *sojourn.Session) { s.Keys(); s.ID() }); len(w.Result().Cookies()) != 0 {
		t.Errorf("a visitor who stores nothing gets %v", w.Result().Cookies())
	}
	if got := site.store.count(); len(got) != 0 {
		t.Errorf("the store was asked: %v", got)
	}
}

func TestSaveThenAnErrorThatTheHandlerHandles(t *testing.T) {
	site := newSite(t, &sojourn.Options{StoreTimeout: 30 * time.Millisecond})
	v := site.visitor()
	v.do(func(s *sojourn.Session) { s.Set("a", 1) })
	site.store.on(func(op, _ string) error {
		if op == "swap" {
			return errBroken
		}
		return nil
	}, nil)
	w := v.serve(func(w http.ResponseWriter, r *http.Request) {
		s, _ := site.Get(r)
		s.Set("a", 2)
		if s.Save(r.Context()) == nil {
			t.Error("Save succeeded")
		}
		site.store.on(nil, nil)
		w.WriteHeader(http.StatusTeapot)
	})
	if _, errs := site.heard(); w.Code != http.StatusTeapot || len(errs) != 0 || v.get("a") != int64(1) {
		t.Errorf("status %d, OnError %v, a = %v; want the handler's answer, and nothing saved behind its back", w.Code, errs, v.get("a"))
	}
}

func TestTheStoresDeadline(t *testing.T) {
	var stall atomic.Bool
	site := newSiteOn(t, stalled{memstoreFor(t), &stall}, &sojourn.Options{StoreTimeout: 20 * time.Millisecond})
	v := site.visitor().start()
	stall.Store(true)
	v.serve(func(w http.ResponseWriter, r *http.Request) {
		if _, err := site.Get(r); !errors.Is(err, sojourn.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get from a store that hangs = %v, want ErrUnavailable and DeadlineExceeded", err)
		}
	})
}

// However many commits of one session wait in line, and whatever else a commit
// has to do: StoreTimeout bounds it.
func TestACommitHasOneDeadline(t *testing.T) {
	for name, act := range map[string]func(s *sojourn.Session){
		"increments": func(s *sojourn.Session) { add(s, 1) },
		"renewals":   func(s *sojourn.Session) { _ = s.Renew() },
		"logouts":    func(s *sojourn.Session) { s.Invalidate(); s.Set("a", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var stall atomic.Bool
				site := newSiteOn(t, stalled{memstoreFor(t), &stall}, nil)
				v := site.visitor().start()
				var wg sync.WaitGroup
				for i := range 20 {
					w := v.clone()
					wg.Go(func() {
						var start time.Time
						w.during(nil, func(s *sojourn.Session) { act(s); start = time.Now() }, func() {
							time.Sleep(time.Second + time.Duration(i)*100*time.Millisecond)
						})
						if took := time.Since(start); took > 2*time.Second {
							t.Errorf("commit %d took %v, want 2s at most", i, took)
						}
					})
				}
				time.Sleep(time.Second / 2)
				stall.Store(true)
				wg.Wait()
			})
		})
	}
}

// stalled never answers before the deadline, while it is on.
type stalled struct {
	sojourn.Store
	on *atomic.Bool
}

func (s stalled) wait(ctx context.Context) error {
	if s.on.Load() {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (s stalled) Load(ctx context.Context, id string, ttl time.Duration) (*sojourn.Record, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.Store.Load(ctx, id, ttl)
}

func (s stalled) Create(ctx context.Context, id string, rec *sojourn.Record, ttl time.Duration) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	return s.Store.Create(ctx, id, rec, ttl)
}

func (s stalled) Swap(ctx context.Context, id string, old, rec *sojourn.Record, ttl time.Duration) (*sojourn.Record, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.Store.Swap(ctx, id, old, rec, ttl)
}

func (s stalled) Delete(ctx context.Context, id string, old *sojourn.Record) (*sojourn.Record, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.Store.Delete(ctx, id, old)
}

func TestTheMiddlewareTwiceIsOne(t *testing.T) {
	site := newSite(t, nil)
	var outer *sojourn.Session
	w := httptest.NewRecorder()
	site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outer, _ = site.Get(r)
		site.Handler(site.With(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			if s != outer {
				t.Error("the inner handler has another session")
			}
			s.Set("a", 1)
		})).ServeHTTP(w, r)
	})).ServeHTTP(w, site.visitor().request())
	if got := w.Header().Values("Set-Cookie"); len(got) != 1 {
		t.Errorf("Set-Cookie %q, want one", got)
	}
}
