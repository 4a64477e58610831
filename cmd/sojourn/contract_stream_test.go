package main_test

import (
	"context"
	"strings"
	"testing"
	"time"
)

// The sixth promise: the cookie leaves with the first byte, and the record is
// saved before the client can read the answer.

func TestContractStreamDeliversTheCookieFirst(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		d := b.start(t)
		v := d.visitor()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		// It stays open as long as this test needs.
		resp, err := v.open("GET", "/api/stream?n=1000&every=5s", "", withContext(ctx))
		if err != nil {
			t.Fatalf("the header of a stream leaves before its events: %v", err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != 200 || len(resp.Cookies()) != 1 {
			t.Fatalf("the cookie leaves with the first byte: %s, %v", resp.Status, resp.Cookies())
		}
		second := d.visitorWith(v.jar())
		s := second.session(t)
		if _, ok := s.Values["streamed"]; s.New || !ok {
			t.Errorf("the record is saved before the client can read the answer: %+v", s)
		}
		b.wantKeys(t, 1, "a stream makes one session")
		second.put(t, "meanwhile", `1`)
		second.must(t, 204, "POST", "/api/logout", "")
		cancel()
		second.wantStranger(t, "an open stream does not bring a session back")
		b.wantKeys(t, 0, "an open stream does not bring a session back")
	})
}

func TestContractStreamFlushesEveryEvent(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	v := b.start(t).visitor()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	resp, err := v.open("GET", "/api/stream?n=1000&every=150ms", "", withContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buf, got := make([]byte, 4096), ""
	for strings.Count(got, "data:") < 2 {
		n, err := resp.Body.Read(buf)
		if got += string(buf[:n]); err != nil {
			t.Fatalf("events arrive one by one: %q, %v", got, err)
		}
	}
	if strings.Count(got, "data:") > 50 {
		t.Errorf("events arrive one by one, not at the end: %d at once", strings.Count(got, "data:"))
	}
}

func TestContractLateChanges(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		d := b.start(t)
		v := d.visitor()
		v.put(t, "late", `5`)
		for want := 6; want <= 7; want++ {
			v.must(t, 200, "GET", "/api/late", "").wantNoCookie(t, "a late change needs no cookie")
			eventually(t, "a change after the first byte is saved when the handler returns", func() error {
				a, err := v.try("GET", "/api/values/late", "")
				if err == nil && !sameJSON(a.body, jsonOf(want)) {
					err = errString(a.String() + "; want " + jsonOf(want))
				}
				return err
			})
		}
		other := d.visitor()
		other.put(t, "a", `1`)
		first := ""
		for range 2 {
			other.must(t, 200, "GET", "/api/late", "")
			eventually(t, "late is one higher than before", func() error {
				a, err := other.try("GET", "/api/values/late", "")
				if err == nil && (a.status != 200 || a.body == first) {
					err = a.err()
				}
				first = a.body
				return err
			})
		}
	})
}

func TestContractLateNewSessionIsReported(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		d := b.start(t)
		v := d.visitor()
		quiet := len(d.log.String())
		a := v.must(t, 200, "GET", "/api/late", "")
		a.wantNoCookie(t, "no cookie can follow the first byte")
		eventually(t, "a new session after the response began is reported, never swallowed: on stderr, as an error", func() error {
			log := d.log.String()[quiet:]
			if !strings.Contains(log, "delivered") || !strings.Contains(strings.ToLower(log), "error") {
				return errString("the log says: " + log)
			}
			return nil
		})
		b.wantKeys(t, 0, "a session that could not be delivered leaves no key behind")
		v.wantStranger(t, "a session that could not be delivered is none")
	})
}

// The fifth promise, its last sentence: a client that hangs up does not cancel
// the write.
func TestContractClientHangsUp(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		d := b.start(t)
		for _, row := range []struct{ method, path, body, key, want string }{
			{"PUT", "/api/values/saved?hold=400ms", `"all the same"`, "saved", `"all the same"`},
			{"POST", "/api/values/n/increment?hold=400ms", ``, "n", `1`},
			{"POST", "/api/values/list/append?hold=400ms", `1`, "list", `[1]`},
		} {
			v := d.visitor()
			v.put(t, "a", `1`)
			loaded := b.watchLoad(t, v)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f := v.clone().send(row.method, row.path, row.body, withContext(ctx))
			loaded()
			cancel()
			<-f.landing
			if f.err == nil {
				t.Fatalf("the client was to hang up before the answer: %v", f.answer)
			}
			eventually(t, "a client that hangs up does not cancel the write: "+row.method+" "+row.path, func() error {
				a, err := v.try("GET", "/api/values/"+row.key, "")
				if err == nil && (a.status != 200 || !sameJSON(a.body, row.want)) {
					err = a.err()
				}
				return err
			})
		}
		if log := d.log.String(); strings.Contains(log, "ERROR") {
			t.Errorf("a client that hangs up is no error of the service:\n%s", log)
		}
	})
}

// A stranger who hangs up has stored something that nobody can reach; a
// session in which nothing is delivered must at least not disturb.
func TestContractClientHangsUpInAStream(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	d := b.start(t)
	v := d.visitor()
	v.put(t, "a", `1`)
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		resp, err := v.open("GET", "/api/stream?n=1000&every=10ms", "", withContext(ctx))
		if err != nil {
			cancel()
			t.Fatal(err)
		}
		_, _ = events(resp.Body) // until the client hangs up
		resp.Body.Close()
		cancel()
	}
	v.wantValue(t, "a", "1", "a stream that was left does not disturb the session")
}
