package redistest

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a server may take to answer or to go.
const patience = 10 * time.Second

// A Server is one redis-server process on a loopback port of its own, without
// persistence: what it held is gone after Stop.
type Server struct {
	t    testing.TB
	addr string
	dir  string
	args []string

	proc *exec.Cmd
	log  *bytes.Buffer
	dead chan struct{} // closed when proc has been waited for

	mu  sync.Mutex // guards own and the helper's connection
	own map[string]bool
	c   *conn
}

// Start runs a redis-server and returns once it answers. args are added to its
// command line ("--requirepass", "secret"). It is killed when the test ends.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	for range 5 {
		s := Reserve(t, args...)
		if err := s.start(); err == nil {
			return s
		} else if !strings.Contains(err.Error(), "Address already in use") {
			t.Fatalf("redistest: %v", err)
		}
	}
	t.Fatal("redistest: found no free port in five tries")
	return nil
}

// Reserve picks the address of a server without running it, for programs that
// start before Redis does. [Server.Start] runs it.
func Reserve(t testing.TB, args ...string) *Server {
	t.Helper()
	return StartLater(t, freeAddr(t), args...)
}

// StartLater is [Reserve] at a given address, such as "127.0.0.1:7000".
func StartLater(t testing.TB, addr string, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redistest: redis-server is not on PATH: run `make setup`, or install Redis 6.2 or newer")
	}
	s := &Server{t: t, addr: addr, dir: t.TempDir(), args: args, own: map[string]bool{}}
	t.Cleanup(s.Stop)
	return s
}

// StartAt is [Start] at a given address.
func StartAt(t testing.TB, addr string, args ...string) *Server {
	t.Helper()
	s := StartLater(t, addr, args...)
	s.Start()
	return s
}

// Start runs a server that was reserved or stopped, and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("redistest: %v", err)
	}
}

func (s *Server) start() error {
	if s.proc != nil {
		return fmt.Errorf("the server on %s is already running", s.addr)
	}
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return err
	}
	s.log = new(bytes.Buffer)
	s.proc = exec.Command("redis-server", append([]string{
		"--bind", host, "--port", port, "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no",
	}, s.args...)...)
	s.proc.Stdout, s.proc.Stderr = s.log, s.log
	if err := s.proc.Start(); err != nil {
		s.proc = nil
		return err
	}
	s.dead = make(chan struct{})
	go func(p *exec.Cmd, dead chan struct{}) {
		p.Wait()
		close(dead)
	}(s.proc, s.dead)

	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		select {
		case <-s.dead:
			s.proc = nil
			return fmt.Errorf("redis-server ended at once:\n%s", s.log)
		case <-time.After(2 * time.Millisecond):
		}
		if r, err := s.try("PING"); err == nil && r == "PONG" {
			return nil
		}
	}
	s.Stop()
	return fmt.Errorf("redis-server did not answer in %v:\n%s", patience, s.log)
}

// Stop kills the process (SIGKILL: as a crash, without good-bye) and waits
// until it is gone. A stopped server may be stopped again.
func (s *Server) Stop() {
	if s.proc == nil {
		return
	}
	s.mu.Lock()
	if s.c != nil {
		s.c.Close()
		s.c = nil
	}
	s.mu.Unlock()
	s.proc.Process.Kill()
	<-s.dead
	s.proc = nil
}

// Restart kills the server and starts an empty one at the same address.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.Start()
}

// Pause makes the process hang (SIGSTOP): connections stay open, nothing is
// answered.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a Pause. What was sent meanwhile is then executed.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig os.Signal) {
	s.t.Helper()
	if s.proc == nil {
		s.t.Fatal("redistest: the server is not running")
	}
	if err := s.proc.Process.Signal(sig); err != nil {
		s.t.Fatalf("redistest: %v: %v", sig, err)
	}
}

// Addr is host:port.
func (s *Server) Addr() string { return s.addr }

// URL is redis://127.0.0.1:port/0, with the password if --requirepass was given.
func (s *Server) URL() string { return s.URLFor(s.addr) }

// URLFor is URL with another address, such as that of a [Proxy].
func (s *Server) URLFor(addr string) string {
	u := url.URL{Scheme: "redis", Host: addr, Path: "/0"}
	if p := s.password(); p != "" {
		u.User = url.UserPassword("", p)
	}
	return u.String()
}

func (s *Server) password() string {
	for i, a := range s.args {
		if a == "--requirepass" && i+1 < len(s.args) {
			return s.args[i+1]
		}
	}
	return ""
}

// Flush removes every key. Scripts stay cached.
func (s *Server) Flush() {
	s.t.Helper()
	s.Do("FLUSHALL")
}

// Do sends one command and returns the reply: string, int64, nil or []any. An
// error reply ends the test. Commands of Do are in no count.
func (s *Server) Do(args ...string) any {
	s.t.Helper()
	r, err := s.try(args...)
	if err != nil {
		s.t.Fatalf("redistest: %s: %v", args[0], err)
	}
	return r
}

// Int is Do for a command that answers with a number.
func (s *Server) Int(args ...string) int {
	s.t.Helper()
	r := s.Do(args...)
	n, ok := r.(int64)
	if !ok {
		s.t.Fatalf("redistest: %s answered %v, not a number", args[0], r)
	}
	return int(n)
}

func (s *Server) try(args ...string) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		c, err := s.dial()
		if err != nil {
			return nil, err
		}
		s.c = c
	}
	r, err := s.c.do(args...)
	if _, ok := err.(replyError); err != nil && !ok {
		s.c.Close()
		s.c = nil
	}
	return r, err
}

// dial opens a connection of the helper, known as such to the counts. s.mu is
// held.
func (s *Server) dial() (*conn, error) {
	c, err := dial(s.addr)
	if err != nil {
		return nil, err
	}
	s.own[c.LocalAddr().String()] = true
	if p := s.password(); p != "" {
		if _, err := c.do("AUTH", p); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	defer l.Close()
	return "127.0.0.1:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
