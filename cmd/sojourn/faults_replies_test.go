package main_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn/internal/redistest"
)

// Replies that are lost or that answer another question.

const writes = "EVAL|EVALSHA"

// onProxiedRedis is a Redis that the demo reaches through a proxy.
func onProxiedRedis(t *testing.T) (backend, *redistest.Proxy) {
	t.Helper()
	b := onRedis(t)
	p := redistest.NewProxy(t, b.redis.Addr())
	b.url = b.redis.URLFor(p.Addr())
	return b, p
}

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// One reply or one request is lost, then all is well again: the library finds
// out what happened, and the visitor notices nothing.
func TestFaultOneReplyLost(t *testing.T) {
	t.Parallel()
	b, p := onProxiedRedis(t)
	d := b.start(t)
	for _, fault := range []struct {
		name string
		cut  func(match string, n int)
	}{{"reply", p.CutReply}, {"request", p.CutRequest}} {
		t.Run("first save, "+fault.name, func(t *testing.T) {
			b.redis.Flush()
			fault.cut("SET", 1)
			v := d.visitor()
			v.must(t, 204, "PUT", "/api/values/a", `1`)
			v.wantValue(t, "a", `1`, "a first save with one "+fault.name+" lost is made all the same")
			b.wantKeys(t, 1, "a first save with one "+fault.name+" lost makes one session")
		})
		t.Run("reading, "+fault.name, func(t *testing.T) {
			v := d.visitor()
			v.put(t, "a", `1`)
			fault.cut("GETEX", 1)
			v.wantValue(t, "a", `1`, "reading with one "+fault.name+" lost is repeated")
		})
		t.Run("increments, "+fault.name, func(t *testing.T) {
			v := d.visitor()
			v.put(t, "n", `0`)
			for want := 1; want <= 10; want++ {
				fault.cut(writes, 1)
				a := v.do(t, "POST", "/api/values/n/increment", "")
				a.want(t, 200, "an increment with one "+fault.name+" lost is resolved")
				if n, err := a.number(); n != want {
					t.Fatalf("an increment with one %s lost is neither lost nor doubled: %d, want %d (%v)", fault.name, n, want, err)
				}
			}
			v.wantValue(t, "n", `10`, "an increment with one "+fault.name+" lost is neither lost nor doubled")
		})
		t.Run("logout, "+fault.name, func(t *testing.T) {
			v := d.visitor()
			v.put(t, "a", `1`)
			old := v.clone()
			fault.cut("DEL", 1)
			v.must(t, 204, "POST", "/api/logout", "")
			old.wantStranger(t, "logout with one "+fault.name+" lost logs out")
		})
		for _, row := range []struct{ path, body string }{{"/api/renew", ""}, {"/api/login", `{"user":"ada"}`}} {
			for _, match := range []string{"SET", writes} {
				t.Run(row.path+", "+match+", "+fault.name, func(t *testing.T) {
					b.redis.Flush()
					v := d.visitor()
					v.put(t, "a", `1`)
					old := v.clone()
					hits := p.Hits()
					fault.cut(match, 1)
					a := v.do(t, "POST", row.path, row.body)
					if p.Hits() == hits {
						t.Fatalf("%s sends no %s", row.path, match)
					}
					if a.status != 204 && a.status != 503 {
						t.Errorf("renewal with one %s lost succeeds, or says that the store could not answer: %v", fault.name, a)
					}
					// Under whichever cookie the browser has now.
					if s := v.session(t); s.New || s.Values["a"] != 1.0 {
						t.Errorf("the visitor's session is still there after one %s was lost while it was renewed (%v): %+v", fault.name, a, s)
					}
					if a.status == 204 {
						old.wantStranger(t, "the old id is dead at once")
					}
					b.wantKeys(t, 1, "renewal with one "+fault.name+" lost leaves one record")
				})
			}
		}
	}
}

// Replies to writes are lost again and again, while several requests write.
func TestFaultManyRepliesLost(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct {
		name  string
		begin func(p *redistest.Proxy)
		// exact: what is lost can be found out, so that every increment succeeds
		exact bool
	}{
		{"connections cut in place of 30 replies", func(p *redistest.Proxy) { p.CutReply(writes, 30) }, false},
		{"connections cut in place of 30 requests", func(p *redistest.Proxy) { p.CutRequest(writes, 30) }, false},
		{"replies dropped until healed", func(p *redistest.Proxy) { p.DropReplies(writes) }, false},
		{"replies late by 50ms", func(p *redistest.Proxy) { p.DelayReplies(writes, 50*time.Millisecond) }, true},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			b, p := onProxiedRedis(t)
			v := b.start(t).visitor()
			v.put(t, "n", `0`)
			var acknowledged, unknown atomic.Int64
			answers := make([]atomic.Int64, 200)
			done := make(chan error, 1)
			go func() {
				done <- parallel(6, 120, func(i int) error {
					if i == 20 {
						fault.begin(p)
					}
					a, err := v.clone().try("POST", "/api/values/n/increment?hold=2ms", "")
					switch {
					case err != nil:
						return err
					case a.status == 503:
						if unknown.Add(1) == 1 {
							p.Heal()
						}
						return nil
					case a.status != 200 || len(a.set) != 0:
						return a.err()
					}
					acknowledged.Add(1)
					n, err := a.number()
					if err == nil && answers[n].Add(1) != 1 {
						err = fmt.Errorf("the number %d was answered twice", n)
					}
					return err
				})
			}()
			if err := <-done; err != nil {
				t.Errorf("an increment whose reply is lost is saved, or answers 503: %v", err)
			}
			p.Heal()
			if fault.exact && unknown.Load() != 0 {
				t.Errorf("what is only late is no failure: %d of 120 answered 503", unknown.Load())
			}
			var n int64
			eventually(t, "the service answers again when replies arrive", func() error {
				a, err := v.try("GET", "/api/values/n", "")
				if err == nil && a.status != 200 {
					err = a.err()
				}
				if err == nil {
					n, err = strconv.ParseInt(strings.TrimSpace(a.body), 10, 64)
				}
				return err
			})
			t.Logf("%d acknowledged, %d unknown, %d hits, final %d", acknowledged.Load(), unknown.Load(), p.Hits(), n)
			if n < acknowledged.Load() || n > acknowledged.Load()+unknown.Load() {
				t.Errorf("an increment is neither lost nor doubled: %d, with %d acknowledged and %d unknown", n, acknowledged.Load(), unknown.Load())
			}
			if p.Hits() == 0 {
				t.Error("the fault hit nothing")
			}
			before := n
			if n := v.increment(t, "n"); int64(n) != before+1 {
				t.Errorf("afterwards increments are exact again: %d after %d", n, before)
			}
		})
	}
}

// A connection on which one reply too many was delivered answers every later
// question with the reply to the one before.
func TestFaultRepliesShifted(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, match string
		raw         func(recordOfB string) string
	}{
		{"another visitor's record on reading", "GETEX", redistest.Bulk},
		{"the reply before, on reading", "GETEX", func(string) string { return "" }},
		{"another visitor's record on writing", writes, redistest.Bulk},
		{"the reply before, on writing", writes, func(string) string { return "" }},
		{"OK on reading", "GETEX", func(string) string { return "+OK\r\n" }},
		{"OK on writing", writes, func(string) string { return "+OK\r\n" }},
		{"a number on writing", writes, func(string) string { return ":1\r\n" }},
	} {
		// On a busy connection there is always a question that a reply can be
		// taken for; on the other there are replies to no question at all.
		for _, busy := range []bool{true, false} {
			name := row.name
			if busy {
				name += ", busy connections"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				shiftReplies(t, row.match, row.raw, busy)
			})
		}
	}
}

func shiftReplies(t *testing.T, match string, raw func(recordOfB string) string, busy bool) {
	b, p := onProxiedRedis(t)
	d := b.start(t)
	names := []string{"ada", "bob"}
	var visitors []*visitor
	for _, name := range names {
		v := d.visitor()
		v.must(t, 204, "POST", "/api/login", `{"user":"`+name+`"}`)
		v.put(t, "me", `"`+name+`"`)
		v.put(t, "n", `0`)
		visitors = append(visitors, v)
	}
	workers := 8
	if busy {
		workers = 32
	}
	var stop atomic.Bool
	var good, failed, strangers atomic.Int64
	var acknowledged, unknown [2]atomic.Int64
	done := make(chan error, 1)
	go func() {
		done <- parallel(workers, workers, func(i int) error {
			who, writing := i%2, i/2%2 == 1
			for !stop.Load() {
				if err := shiftedRound(visitors[who].clone(), names[who], writing, &good, &failed, &strangers, &acknowledged[who], &unknown[who]); err != nil {
					stop.Store(true)
					return err
				}
			}
			return nil
		})
	}()
	defer stop.Store(true)
	const recovers = "the service recovers when replies answered the wrong questions"
	for range 5 { // in the middle of everything
		p.Heal()
		if busy && match == writes {
			p.DelayReplies("GETEX", 2*time.Millisecond)
		} else if busy {
			p.DelayReplies(writes, 2*time.Millisecond)
		}
		from := good.Load()
		eventually(t, "increments and reads succeed", func() error {
			d.mustRun(t)
			if !stop.Load() && good.Load() < from+50 {
				return errString("few")
			}
			return nil
		})
		hits, before := p.Hits(), good.Load()
		p.InjectReply(match, raw(b.redis.Do("GET", visitors[1].key(t)).(string)), 1)
		eventually(t, recovers, func() error {
			d.mustRun(t)
			if !stop.Load() && (p.Hits() == hits || good.Load() < before+50) {
				return fmt.Errorf("%d good answers since, %d failures in all", good.Load()-before, failed.Load())
			}
			return nil
		})
	}
	stop.Store(true)
	if err := <-done; err != nil {
		select { // a refused connection is seen before the end of the process
		case <-d.dead:
		case <-time.After(time.Second):
		}
		d.mustRun(t)
		t.Errorf("no visitor ever sees another one's session: %v", err)
	}
	p.Heal()
	for i, v := range visitors {
		eventually(t, recovers, func() error {
			d.mustRun(t)
			for range 20 {
				var none atomic.Int64
				bad := failed.Load()
				if err := shiftedRound(v.clone(), names[i], false, &none, &failed, &strangers, &none, &none); err != nil {
					return err
				}
				if failed.Load() != bad {
					return errString("still failing")
				}
			}
			return nil
		})
		n := int64(atoi(t, v.value(t, "n")))
		if n < acknowledged[i].Load() || n > acknowledged[i].Load()+unknown[i].Load() {
			t.Errorf("shifted replies acknowledge nothing that was not saved: %s has %d, with %d acknowledged and %d unknown",
				names[i], n, acknowledged[i].Load(), unknown[i].Load())
		}
	}
	t.Logf("%d good answers, %d failures", good.Load(), failed.Load())
	if strangers.Load() > 0 {
		t.Errorf("nobody is taken for a stranger because of replies that were none of theirs: %d answers", strangers.Load())
	}
}

// mustRun ends the test if the process has ended.
func (d *demo) mustRun(t *testing.T) {
	t.Helper()
	if d.exited() {
		t.Fatal("the service survives whatever Redis answers: the process has ended")
	}
}

// shiftedRound reads or increments once: the answer is the visitor's own, or a
// failure.
func shiftedRound(v *visitor, name string, writing bool, good, failed, strangers, acknowledged, unknown *atomic.Int64) error {
	method, path := "GET", "/api/session"
	if writing {
		method, path = "POST", "/api/values/n/increment"
	}
	a, err := v.try(method, path, "")
	switch {
	case err != nil:
		return err
	case a.status == 503:
		failed.Add(1)
		if writing {
			unknown.Add(1)
		}
		return nil
	case a.status != 200:
		return a.err()
	case len(a.set) > 0:
		strangers.Add(1)
		return nil
	case writing:
		acknowledged.Add(1)
		good.Add(1)
		return nil
	}
	var s session
	if err := a.decode(&s); err != nil {
		return err
	}
	switch {
	case s.New:
		strangers.Add(1)
	case s.User != name || s.Values["me"] != name:
		return fmt.Errorf("%s sees the session of %v: %v", name, s.User, a)
	default:
		good.Add(1)
	}
	return nil
}
