package main_test

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestContractRestartKeepsSessions(t *testing.T) {
	t.Parallel()
	for _, codec := range []string{"cbor", "json"} {
		t.Run(codec, func(t *testing.T) {
			b := onRedis(t)
			d := b.start(t, "--codec", codec)
			v := d.visitor()
			v.put(t, "cart", `["book",{"n":2}]`)
			v.must(t, 204, "POST", "/api/login", `{"user":"ada"}`)
			before := v.session(t)
			if codec == "json" {
				if record := b.redis.Do("GET", v.key(t)).(string); !strings.Contains(record, `"cart":["book",{"n":2}]`) {
					t.Errorf("--codec json keeps records readable in redis-cli: %q", record)
				}
			}
			d.stop()
			again := b.start(t, "--codec", codec).visitorWith(v.jar())
			if after := again.session(t); after.New || jsonOf(after) != jsonOf(before) {
				t.Errorf("a restart with the same secret and Redis keeps the sessions: %+v, before %+v", after, before)
			}
			again.must(t, 200, "POST", "/api/values/n/increment", "")
		})
	}
}

func TestContractPrefix(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	v := b.start(t, "--prefix", "shop:").visitor()
	v.put(t, "a", `1`)
	if n := b.redis.Int("EXISTS", "shop:"+v.id(t)); n != 1 {
		t.Errorf("a session is one string under prefix + id: %v", b.redis.Do("KEYS", "*"))
	}
	b.wantKeys(t, 1, "a session is one string under prefix + id")
	if kind := b.redis.Do("TYPE", "shop:"+v.id(t)); kind != "string" {
		t.Errorf("a session is one string under prefix + id: a %v", kind)
	}
	stranger := b.start(t).visitorWith(v.jar())
	stranger.wantStranger(t, "a demo with another prefix does not see the session")
}

func TestContractSIGTERMFinishesHeldRequests(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			b := onRedis(t)
			d := b.start(t)
			v, w := d.visitor(), d.visitor()
			v.put(t, "a", `1`)
			w.put(t, "a", `1`)
			loaded, loadedToo := b.watchLoad(t, v), b.watchLoad(t, w)
			put := v.clone().send("PUT", "/api/values/held?hold=1s", `"saved"`)
			increment := w.clone().send("POST", "/api/values/n/increment?hold=1s", ``)
			loaded()
			loadedToo()
			d.signal(sig)
			put.wait(t).want(t, 204, name+" finishes the requests under way")
			increment.wait(t).want(t, 200, name+" finishes the requests under way")
			d.checkEnd(name)
			again := b.start(t)
			again.visitorWith(v.jar()).wantValue(t, "held", `"saved"`, name+" does not lose what was acknowledged")
			again.visitorWith(w.jar()).wantValue(t, "n", `1`, name+" does not lose what was acknowledged")
		})
	}
}

func TestContractSIGTERMWithAnOpenStream(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	d := b.start(t)
	resp, err := d.visitor().open("GET", "/api/stream?n=1000&every=10s", "")
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		t.Fatalf("the stream: %s", resp.Status)
	}
	defer resp.Body.Close()
	d.signal(syscall.SIGTERM)
	d.checkEnd("SIGTERM, with a stream open") // within patience; the stream would last for hours
}

func TestContractWithoutFlags(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	v := d.visitor()
	v.put(t, "a", `1`)
	v.wantValue(t, "a", "1", "without --store the demo runs on the embedded store")
	log := d.log.String()
	if !strings.Contains(strings.ToLower(log), "secret") {
		t.Errorf("without --secret the demo says that it made one for the run:\n%s", log)
	}
	if !strings.Contains(log, "Secure") {
		t.Errorf("the demo says on start that production keeps Secure:\n%s", log)
	}
	other := startDemo(t).visitorWith(v.jar())
	other.wantStranger(t, "a secret made for the run is another one in the next")
}

func TestContractBadFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--nothing"},
		{"--timeout", "soon"},
		{"--timeout", "-1s"},
		{"--lifetime", "x"},
		{"--codec", "xml"},
		{"--store", "nosuch://127.0.0.1/0"},
		{"--refresh-below", "x"},
		{"--pyramid", "django"},
		{"extra"},
	} {
		d := launch(t, append([]string{"demo", "--addr", "127.0.0.1:0"}, args...)...)
		select {
		case <-d.dead:
		case <-time.After(patience):
			t.Errorf("bad flags end the demo: %q, it runs:\n%s", args, d.log)
			continue
		}
		if code := d.cmd.ProcessState.ExitCode(); code != 2 {
			t.Errorf("bad flags exit with code 2: %q, code %d:\n%s", args, code, d.log)
		}
		if d.log.String() == "" {
			t.Errorf("bad flags are named: %q", args)
		}
	}
}
