package redistest

import (
	"errors"
	"maps"
	"net"
	"syscall"
	"testing"
	"time"
)

func TestServerLife(t *testing.T) {
	s := Reserve(t)
	if _, err := net.Dial("tcp", s.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("a reserved address answers %v, want connection refused", err)
	}
	s.Start()
	s.Do("SET", "k", "v")
	if got := s.Do("GET", "k"); got != "v" {
		t.Fatalf("GET: %v", got)
	}

	s.Pause()
	c, err := dial(s.Addr())
	if err != nil {
		t.Fatalf("a paused server must accept connections: %v", err)
	}
	c.Write(request("PING"))
	c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if f, err := readFrame(c.r); err == nil {
		t.Fatalf("a paused server answered %q", f.raw)
	}
	s.Resume()
	c.SetReadDeadline(time.Now().Add(patience))
	if f, err := readFrame(c.r); err != nil || f.text != "PONG" {
		t.Fatalf("a resumed server answered %q, %v", f.raw, err)
	}

	s.Restart()
	if got := s.Do("GET", "k"); got != nil {
		t.Fatalf("a restarted server still holds %v", got)
	}
	s.Stop()
	s.Stop()
}

func TestServerPassword(t *testing.T) {
	s := Start(t, "--requirepass", "sec/ret")
	if got := s.Do("PING"); got != "PONG" {
		t.Fatalf("PING: %v", got)
	}
	if want := "redis://:sec%2Fret@" + s.Addr() + "/0"; s.URL() != want {
		t.Fatalf("URL %s, want %s", s.URL(), want)
	}
}

// The reason why counts come from MONITOR.
func TestCommandstatsCountsWhatScriptsCall(t *testing.T) {
	s := Start(t)
	c := client(t, s.Addr())
	before := s.Do("INFO", "commandstats")
	c.must("EVAL", "return redis.call('GET', KEYS[1])", "1", "k")
	after := s.Do("INFO", "commandstats").(string)
	if before == after || !contains(after, "cmdstat_get:calls=1") {
		t.Fatalf("commandstats no longer counts calls of scripts; Count could be simpler:\n%s", after)
	}
}

func TestCountIsExact(t *testing.T) {
	s := Start(t)
	c := client(t, s.Addr())
	const script = "redis.call('GET', KEYS[1]) redis.call('SET', KEYS[1], 'x] \"GET\" \"y') return redis.call('GET', KEYS[1])"
	const sha = "0000000000000000000000000000000000000000"
	for round := range 3 {
		got := s.Count(func() {
			c.must("PING")
			c.must("CLIENT", "SETNAME", "x")
			c.must("SELECT", "0")
			c.must("GET", "k")
			c.must("eval", script, "1", "k")
			c.must("SET", "a b\r\n\"c", "[0 lua] \"\x00")
			for range 100 {
				c.must("GETEX", "k", "PX", "100000")
			}
			if _, err := c.do("EVALSHA", sha, "0"); err == nil {
				t.Error("EVALSHA of an unknown script succeeded")
			}
			if _, err := c.do("LPUSH", "k", "v"); err == nil {
				t.Error("LPUSH on a string succeeded")
			}
			s.Do("DBSIZE")
			late := client(t, s.Addr())
			late.must("DEL", "none")
		})
		want := Counts{"GET": 1, "EVAL": 1, "SET": 1, "GETEX": 100, "EVALSHA": 1, "LPUSH": 1, "DEL": 1}
		if !maps.Equal(got, want) {
			t.Fatalf("round %d: counted %v, want %v", round, got, want)
		}
		if got.Total() != 106 {
			t.Fatalf("Total is %d", got.Total())
		}
	}
	if got := s.Count(func() {}); got.Total() != 0 {
		t.Fatalf("without commands counted %v", got)
	}
}

func TestRecordingGoesOn(t *testing.T) {
	s := Start(t)
	c := client(t, s.Addr())
	r := s.Record()
	defer r.Close()
	c.must("GET", "a")
	if got := r.Counts(); !maps.Equal(got, Counts{"GET": 1}) {
		t.Fatalf("counted %v", got)
	}
	c.must("set", "b", "1")
	if got := r.Counts(); !maps.Equal(got, Counts{"GET": 1, "SET": 1}) {
		t.Fatalf("counted %v", got)
	}
	if l := r.Lines(); len(l) != 2 || l[1][0] != "SET" || l[1][1] != "b" {
		t.Fatalf("lines %q", l)
	}
}

type testClient struct {
	t *testing.T
	*conn
}

func client(t *testing.T, addr string) testClient {
	t.Helper()
	c, err := dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return testClient{t, c}
}

func (c testClient) must(args ...string) any {
	c.t.Helper()
	v, err := c.do(args...)
	if err != nil {
		c.t.Fatalf("%s: %v", args[0], err)
	}
	return v
}
