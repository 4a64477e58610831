package redistest

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func contains(s, sub string) bool { return strings.Contains(s, sub) }

// silent fails unless nothing arrives.
func (c testClient) silent(args ...string) {
	c.t.Helper()
	c.SetDeadline(time.Now().Add(patience))
	c.Write(request(args...))
	c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if f, err := readFrame(c.r); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("%s: got %q, %v; want silence", args[0], f.raw, err)
	}
}

// cut fails unless the connection ends instead of an answer.
func (c testClient) cut(args ...string) {
	c.t.Helper()
	if v, err := c.do(args...); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		c.t.Fatalf("%s: got %v, %v; want a closed connection", args[0], v, err)
	}
}

func TestProxyCutsReplies(t *testing.T) {
	s := Start(t)
	p := NewProxy(t, s.Addr())
	p.CutReply("SET", 1)
	c := client(t, p.Addr())
	c.must("PING")
	c.must("GET", "k")
	c.cut("SET", "k", "v")
	if got := s.Do("GET", "k"); got != "v" {
		t.Fatalf("the server was not to miss the request; it holds %v", got)
	}
	if p.Hits() != 1 {
		t.Fatalf("%d hits, want 1", p.Hits())
	}
	client(t, p.Addr()).must("SET", "k", "w")
}

func TestProxyCutsRequests(t *testing.T) {
	s := Start(t)
	p := NewProxy(t, s.Addr())
	p.CutRequest("SET|DEL secret", 1)
	c := client(t, p.Addr())
	c.must("SET", "k", "v")
	c.must("GET", "secret")
	c.cut("DEL", "secret", "k")
	if got := s.Do("GET", "k"); got != "v" {
		t.Fatalf("the server was not to see the request; it holds %v", got)
	}
}

func TestProxyDropsReplies(t *testing.T) {
	s := Start(t)
	p := NewProxy(t, s.Addr())
	c := client(t, p.Addr())
	p.DropReplies("")
	c.must("PING")
	c.silent("SET", "k", "v")
	c.silent("PING")
	if got := s.Do("GET", "k"); got != "v" {
		t.Fatalf("the server holds %v", got)
	}
	p.Heal()
	c.cut("GET", "k")
	client(t, p.Addr()).must("SET", "k", "v")
}

func TestProxyDelaysReplies(t *testing.T) {
	s := Start(t)
	p := NewProxy(t, s.Addr())
	c := client(t, p.Addr())
	p.DelayReplies("GET", 50*time.Millisecond)
	start := time.Now()
	c.must("GET", "k")
	if d := time.Since(start); d < 50*time.Millisecond {
		t.Fatalf("the reply came after %v", d)
	}
	p.Heal()
	c.must("GET", "k")
}

func TestProxyStalls(t *testing.T) {
	s := Start(t)
	p := NewProxy(t, s.Addr())
	c := client(t, p.Addr())
	c.must("PING")
	p.Stall()
	c.silent("SET", "k", "v")
	if got := s.Do("GET", "k"); got != nil {
		t.Fatalf("a stalled proxy let %v through", got)
	}
	p.Heal()
	c.SetReadDeadline(time.Now().Add(patience))
	if f, err := readFrame(c.r); err != nil || f.text != "OK" {
		t.Fatalf("after Heal: %q, %v", f.raw, err)
	}
}

func TestProxyRefuses(t *testing.T) {
	s := Start(t)
	p := NewProxy(t, s.Addr())
	c := client(t, p.Addr())
	c.must("PING")
	p.Refuse()
	if _, err := net.Dial("tcp", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("new connection: %v, want connection refused", err)
	}
	c.must("PING")
	p.CutAll()
	c.cut("PING")
	p.Heal()
	client(t, p.Addr()).must("PING")
}

func TestProxyInjectsReplies(t *testing.T) {
	s := Start(t)
	s.Do("MSET", "a", "1", "b", "2", "c", "3")
	p := NewProxy(t, s.Addr())
	c := client(t, p.Addr())
	c.must("HELLO", "3")
	p.InjectReply("GET", Bulk("extra"), 1)
	for i, want := range []string{"extra", "1", "2"} {
		if got := c.must("GET", string(rune('a'+i))); got != want {
			t.Fatalf("GET %c: got %v, want %v", 'a'+i, got, want)
		}
	}

	c = client(t, p.Addr())
	c.must("GET", "a")
	p.InjectReply("GET", "", 1)
	if got := c.must("GET", "b"); got != "1" {
		t.Fatalf("GET b: got %v, want the reply before", got)
	}
	p.InjectReply("GET", Null, 1)
	c = client(t, p.Addr())
	if got := c.must("GET", "b"); got != nil {
		t.Fatalf("GET b: got %v, want nil", got)
	}
}

func TestProxyBeforeAServerThatIsDown(t *testing.T) {
	s := Reserve(t)
	p := NewProxy(t, s.Addr())
	client(t, p.Addr()).cut("PING")
	s.Start()
	client(t, p.Addr()).must("PING")
}
