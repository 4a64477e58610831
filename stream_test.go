package sojourn_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// begin runs a real server whose handler gets the session of each request.
func (s *site) begin(handler func(w http.ResponseWriter, r *http.Request, s *sojourn.Session)) *httptest.Server {
	server := httptest.NewServer(s.Handler(s.With(handler)))
	s.t.Cleanup(server.Close)
	return server
}

// beginTelling tells on done when the middleware is through with a request: a
// client can read the answer before that, and Close does not wait for hijacked
// connections.
func (s *site) beginTelling(done chan<- struct{}, handler func(w http.ResponseWriter, r *http.Request, s *sojourn.Session)) *httptest.Server {
	sessions := s.Handler(s.With(handler))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { done <- struct{}{} }()
		sessions.ServeHTTP(w, r)
	}))
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
	done := make(chan struct{}, 2)
	server := site.beginTelling(done, func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
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
	<-done
	if n, late := v.get("n"), v.get("late"); n != int64(2) || late != int64(2) {
		t.Errorf("n = %v, late = %v; want the changes before and after Hijack to be saved", n, late)
	}

	fresh := site.visitor()
	site.heard()
	site.store.count()
	fresh.fetch(server)
	<-done
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
