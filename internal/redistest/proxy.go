package redistest

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Proxy stands between a client and a server and breaks what it is told to.
// It understands requests and replies, so that a fault can be aimed at certain
// commands and leaves the set-up of the connection alone. All methods may be
// called from any goroutine and act at once, also on open connections.
//
// The match of a fault is the name of a command, or several: "EVAL|EVALSHA".
// After a space may follow a text that the request must contain: "GET cart".
// An empty match is every command except those that set up connections.
type Proxy struct {
	t      testing.TB
	target string
	addr   string

	mu     sync.Mutex
	l      net.Listener
	faults []*fault
	links  map[*link]bool
	gate   chan struct{} // not nil while stalled; closed by Heal
	hits   int
	closed bool
}

type action int

const (
	pass action = iota
	cutRequest
	cutReply
	dropReply
	delayReply
	injectReply
)

type fault struct {
	action
	match string
	left  int // how many requests it still hits; negative: all
	delay time.Duration
	reply string
}

// NewProxy starts a proxy before target ("host:port"), which need not run yet.
// It ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	p := &Proxy{t: t, target: target, addr: "127.0.0.1:0", links: map[*link]bool{}}
	if err := p.listen(); err != nil {
		t.Fatalf("redistest: %v", err)
	}
	p.addr = p.l.Addr().String()
	t.Cleanup(p.close)
	return p
}

// Addr is where clients connect.
func (p *Proxy) Addr() string { return p.addr }

// CutRequest closes the connection in place of forwarding each of the next n
// matching requests: the server never sees them.
func (p *Proxy) CutRequest(match string, n int) {
	p.add(fault{action: cutRequest, match: match, left: n})
}

// CutReply closes the connection in place of delivering the reply to each of
// the next n matching requests: the server has executed them.
func (p *Proxy) CutReply(match string, n int) { p.add(fault{action: cutReply, match: match, left: n}) }

// DropReplies lets every matching request through; from its reply on the client
// hears nothing more on that connection, which stays open until Heal.
func (p *Proxy) DropReplies(match string) { p.add(fault{action: dropReply, match: match, left: -1}) }

// DelayReplies holds back the replies to matching requests, and what is behind
// them on the same connection, for d each.
func (p *Proxy) DelayReplies(match string, d time.Duration) {
	p.add(fault{action: delayReply, match: match, left: -1, delay: d})
}

// InjectReply puts one extra reply before that to each of the next n matching
// requests, so that every later reply on the connection answers the question
// before. raw is RESP: [Bulk], [Null] or your own. Empty: the last reply again.
func (p *Proxy) InjectReply(match, raw string, n int) {
	p.add(fault{action: injectReply, match: match, left: n, reply: raw})
}

// Stall stops all traffic until Heal, which lets what was held back through.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gate == nil {
		p.gate = make(chan struct{})
	}
}

// Refuse answers new connections with "connection refused" until Heal. Open
// ones go on; see [Proxy.CutAll].
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.l != nil {
		p.l.Close()
		p.l = nil
	}
}

// CutAll closes all open connections.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := range p.links {
		k.close()
	}
}

// Heal ends all faults. Connections on which replies were dropped are closed.
// Those with an injected reply stay, and stay out of step.
func (p *Proxy) Heal() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
	if p.gate != nil {
		close(p.gate)
		p.gate = nil
	}
	for k := range p.links {
		if k.mute {
			k.close()
		}
	}
	if p.l == nil && !p.closed {
		if err := p.listen(); err != nil {
			p.t.Errorf("redistest: %v", err)
		}
	}
}

// Hits is how many requests were hit by a fault so far.
func (p *Proxy) Hits() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits
}

// Bulk is a string reply for InjectReply.
func Bulk(s string) string { return string(request(s)[len("*1\r\n"):]) }

// Null is the reply "there is none".
const Null = "$-1\r\n"

func (p *Proxy) add(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, &f)
}

// fate decides what happens to a request: the first fault that matches.
func (p *Proxy) fate(req frame) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults {
		if f.left == 0 || !matches(f.match, req) {
			continue
		}
		f.left--
		p.hits++
		return *f
	}
	return fault{}
}

func matches(match string, req frame) bool {
	if len(req.items) == 0 {
		return false
	}
	name := strings.ToUpper(req.items[0].text)
	if match == "" {
		return !setup[name]
	}
	names, text, _ := strings.Cut(match, " ")
	for n := range strings.SplitSeq(names, "|") {
		if strings.EqualFold(n, name) {
			return strings.Contains(string(req.raw), text)
		}
	}
	return false
}

func (p *Proxy) listen() error {
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		return err
	}
	p.l = l
	go p.accept(l)
	return nil
}

func (p *Proxy) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go p.serve(c)
	}
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Refuse()
	p.Heal()
	p.CutAll()
}

// wait blocks while the proxy is stalled.
func (p *Proxy) wait() {
	p.mu.Lock()
	gate := p.gate
	p.mu.Unlock()
	if gate != nil {
		<-gate
	}
}

// A link is one client's connection and its counterpart to the server.
type link struct {
	client, server net.Conn
	fates          chan fault // of the requests whose replies are due
	mute           bool       // guarded by Proxy.mu
}

func (k *link) close() {
	k.client.Close()
	k.server.Close()
}

func (p *Proxy) serve(client net.Conn) {
	server, err := net.DialTimeout("tcp", p.target, patience)
	if err != nil {
		client.Close()
		return
	}
	k := &link{client: client, server: server, fates: make(chan fault, 1<<16)}
	p.mu.Lock()
	p.links[k] = true
	closed := p.closed
	p.mu.Unlock()
	if !closed {
		go p.replies(k)
		p.requests(k)
	}
	k.close()
	p.mu.Lock()
	delete(p.links, k)
	p.mu.Unlock()
}

func (p *Proxy) requests(k *link) {
	defer close(k.fates)
	for r := bufio.NewReader(k.client); ; {
		req, err := readFrame(r)
		if err != nil {
			return
		}
		p.wait()
		f := p.fate(req)
		if f.action == cutRequest {
			return
		}
		k.fates <- f
		if _, err := k.server.Write(req.raw); err != nil {
			return
		}
	}
}

func (p *Proxy) replies(k *link) {
	defer k.close()
	last := Null
	for r := bufio.NewReader(k.server); ; {
		rep, err := readFrame(r)
		if err != nil {
			return
		}
		p.wait()
		if rep.kind != '>' { // a push answers no request
			f := <-k.fates
			switch f.action {
			case cutReply:
				return
			case dropReply:
				p.mu.Lock()
				k.mute = true
				p.mu.Unlock()
			case delayReply:
				time.Sleep(f.delay)
			case injectReply:
				if f.reply != "" {
					last = f.reply
				}
				rep.raw = append([]byte(last), rep.raw...)
			}
			last = string(rep.raw)
		}
		p.mu.Lock()
		mute := k.mute
		p.mu.Unlock()
		if mute {
			continue
		}
		if _, err := k.client.Write(rep.raw); err != nil {
			return
		}
	}
}
