package redistest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// Counts is how often clients sent each command, by its name in capitals.
type Counts map[string]int

// Total is the number of all commands.
func (c Counts) Total() int {
	n := 0
	for _, v := range c {
		n += v
	}
	return n
}

// setup are the commands by which clients keep up connections. They belong to
// no request and are in no count.
var setup = map[string]bool{
	"HELLO": true, "CLIENT": true, "AUTH": true, "SELECT": true, "PING": true,
	"SCRIPT": true, "CLUSTER": true, "COMMAND": true, "READONLY": true,
	"MONITOR": true, "INFO": true, "CONFIG": true,
}

// Count returns what clients sent while fn ran: exactly, in numbers of commands
// that the server accepted for execution, also those that then failed (such as
// EVALSHA with NOSCRIPT). Not counted are commands that a script ran, the
// helper's own, and the set-up of connections (HELLO, CLIENT, AUTH, SELECT,
// PING, SCRIPT and the like). Other commands that the server refuses unexecuted
// (NOAUTH, unknown) or calls administrative do not appear either.
func (s *Server) Count(fn func()) Counts {
	s.t.Helper()
	r := s.Record()
	defer r.Close()
	fn()
	return r.Counts()
}

// A Recording sees every command from when it was made. INFO commandstats would
// not do: Redis counts there, and in total_commands_processed, what scripts call
// too. MONITOR tells the two apart.
type Recording struct {
	s      *Server
	c      *conn
	counts Counts
	lines  [][]string
}

var markers atomic.Int64

// Record begins a Recording, which slows the server down until it is closed.
// The server must be neither paused nor stopped meanwhile.
func (s *Server) Record() *Recording {
	s.t.Helper()
	s.mu.Lock()
	c, err := s.dial()
	s.mu.Unlock()
	if err == nil {
		_, err = c.do("MONITOR")
	}
	if err != nil {
		s.t.Fatalf("redistest: MONITOR: %v", err)
	}
	return &Recording{s: s, c: c, counts: Counts{}}
}

// Close ends the Recording.
func (r *Recording) Close() { r.c.Close() }

// Counts returns what was executed until now. It may be called again.
func (r *Recording) Counts() Counts {
	r.s.t.Helper()
	r.read()
	out := Counts{}
	for k, v := range r.counts {
		out[k] = v
	}
	return out
}

// Lines returns the counted commands in the order of their execution, each as
// its name in capitals and its arguments in MONITOR's quoting.
func (r *Recording) Lines() [][]string {
	r.s.t.Helper()
	r.read()
	return r.lines
}

// read takes in the stream up to a marker of our own: the server executes, and
// reports, one command at a time, so that all before the marker is then known.
func (r *Recording) read() {
	r.s.t.Helper()
	marker := fmt.Sprintf("redistest-marker-%d", markers.Add(1))
	r.s.Do("ECHO", marker)
	for {
		r.c.SetDeadline(time.Now().Add(patience))
		f, err := readFrame(r.c.r)
		if err != nil {
			r.s.t.Fatalf("redistest: reading MONITOR: %v", err)
		}
		if strings.Contains(f.text, `"`+marker+`"`) {
			return
		}
		r.add(f.text)
	}
}

// add takes a line such as
//
//	1339518083.107412 [0 127.0.0.1:60866] "set" "k" "v"
//
// where a command that a script ran has "lua" in place of the address.
func (r *Recording) add(line string) {
	_, line, _ = strings.Cut(line, " [")
	from, cmd, ok := strings.Cut(line, "] ")
	_, addr, _ := strings.Cut(from, " ")
	words := strings.Split(strings.Trim(cmd, `"`), `" "`)
	name := strings.ToUpper(words[0])
	r.s.mu.Lock()
	own := r.s.own[addr]
	r.s.mu.Unlock()
	if !ok || addr == "lua" || own || setup[name] {
		return
	}
	r.counts[name]++
	words[0] = name
	r.lines = append(r.lines, words)
}
