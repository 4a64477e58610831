package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestBadCommandLines(t *testing.T) {
	for _, row := range []struct {
		args string
		says []string
	}{
		{"", []string{"Usage: sojourn"}},
		{"serve", []string{`unknown command "serve"`}},
		{"demo --adr x", []string{"-adr"}},
		{"demo --near-cache", []string{"-near-cache"}},
		{"demo --addr 8080", []string{"--addr", `"8080"`, "host:port"}},
		{"demo --store mysql", []string{"--store", `"mysql"`, "redis://"}},
		{"demo --store http://localhost", []string{"--store", "redis://"}},
		{"demo --store redis://localhost:x", []string{"--store", "redis://"}},
		{"demo --store redis://localhost/x", []string{"--store", "database"}},
		{"demo --timeout soon", []string{"-timeout", `"soon"`, "want a duration such as"}},
		{"demo --timeout -1s", []string{"-timeout", `"-1s"`, "want a duration"}},
		{"demo --timeout 1us", []string{"-timeout", `"1us"`, "1ms"}},
		{"demo --lifetime 1d", []string{"-lifetime", `"1d"`, "24h"}},
		{"demo --refresh-below x", []string{"-refresh-below", `"x"`}},
		{"demo --refresh-below 20m", []string{"--refresh-below", "20m0s", "less than --timeout"}},
		{"demo --refresh-below 1m --timeout 0", []string{"--refresh-below", "less than --timeout"}},
		{"demo --codec gob", []string{"--codec", `"gob"`, "cbor or json"}},
		{"demo --secret=", []string{"--secret is empty"}},
		{"demo --secret", []string{"needs an argument", "-secret"}},
		{"demo memory", []string{"flags only"}},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), strings.Fields(row.args), &stdout, &stderr)
		if code != exitUsage || stdout.Len() > 0 {
			t.Errorf("sojourn %s: exit code %d, output %q; want %d and none", row.args, code, &stdout, exitUsage)
		}
		for _, says := range row.says {
			if !strings.Contains(stderr.String(), says) {
				t.Errorf("sojourn %s: %q does not say %q", row.args, &stderr, says)
			}
		}
	}
}

func TestErrorsShowNoSecret(t *testing.T) {
	const secret = "hunter2"
	for _, args := range [][]string{
		{"demo", "--store", "redis://:" + secret + "@localhost:x/0"},
		{"demo", "--store", "redis://user:" + secret + "/@localhost"},
		{"demo", "--store", "mysql://user:" + secret + "@localhost"},
		{"demo", "--store", "user:" + secret + "@localhost"},
		{"demo", "--secret", "the", secret},
		{"demo", "--secret", secret, "--codec", "gob"},
		{"demo", "--sekret=" + secret},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, &stdout, &stderr); code != exitUsage {
			t.Errorf("%q: exit code %d; want %d", args, code, exitUsage)
		}
		if strings.Contains(stdout.String()+stderr.String(), secret) {
			t.Errorf("%q: the secret is in the output:\n%s%s", args, &stdout, &stderr)
		}
	}
}

func TestHelpIsNoError(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}, {"demo", "-h"}, {"demo", "--help"}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, &stdout, &stderr); code != exitOK || !strings.HasPrefix(stdout.String(), "Usage:") || stderr.Len() > 0 {
			t.Errorf("sojourn %s: exit code %d, output %q, errors %q", args, code, &stdout, &stderr)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	d := start(t)
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"demo", "--addr", strings.TrimPrefix(d.url, "http://")}, &stdout, &stderr)
	if code != exitFailure || !strings.Contains(stderr.String(), "address already in use") {
		t.Errorf("exit code %d, errors %q", code, &stderr)
	}
}

// A running is a demo in this process.
type running struct {
	url    string
	output *bytes.Buffer // of the start; later output goes on in the background
	stop   context.CancelFunc
	code   chan int
	rest   chan string
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	d := &running{output: new(bytes.Buffer), stop: stop, code: make(chan int, 1), rest: make(chan string, 1)}
	go func() {
		d.code <- run(ctx, append([]string{"demo", "--addr", "127.0.0.1:0"}, args...), w, w)
		w.Close()
	}()
	t.Cleanup(stop)
	b := make([]byte, 1)
	for !strings.HasSuffix(d.output.String(), "\n") || d.url == "" {
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatalf("the demo ended: %s", d.output)
		}
		d.output.Write(b)
		if _, url, ok := strings.Cut(d.output.String(), "listening on "); ok && strings.HasSuffix(url, "\n") {
			d.url = strings.TrimSpace(url)
		}
	}
	go func() {
		rest, _ := io.ReadAll(r)
		d.rest <- string(rest)
	}()
	return d
}

func TestStartSaysWhatMattersAndStopsCleanly(t *testing.T) {
	for _, row := range []struct {
		args []string
		says []string
		not  []string
	}{
		{nil, []string{"made a secret for this run", "keep it Secure", "in the memory of this process"}, nil},
		{[]string{"--secret", "short one"}, []string{"WARNING: --secret has 9 bytes"}, []string{"short one", "made a secret"}},
		{[]string{"--secret", "a secret that is long enough"}, nil, []string{"long enough", "secret"}},
		{[]string{"--addr", "0.0.0.0:0"}, []string{"WARNING: other machines can connect", "HTTPS"}, nil},
		{[]string{"--timeout", "0", "--lifetime", "never", "--codec", "json"}, nil, nil},
	} {
		d := start(t, row.args...)
		for _, says := range row.says {
			if !strings.Contains(d.output.String(), says) {
				t.Errorf("%q: the start says %q; want %q in it", row.args, d.output, says)
			}
		}
		for _, not := range row.not {
			if strings.Contains(d.output.String(), not) {
				t.Errorf("%q: the start says %q; want no %q in it", row.args, d.output, not)
			}
		}
		d.stop()
		if code := <-d.code; code != exitOK {
			t.Errorf("%q: stopped with the exit code %d", row.args, code)
		}
		if rest := <-d.rest; rest != "stopped\n" {
			t.Errorf("%q: stopping said %q", row.args, rest)
		}
	}
}

func TestCookieIsSecureUnlessOnlyThisMachineCanConnect(t *testing.T) {
	for addr, secure := range map[string]bool{
		"127.0.0.1:0": false, "localhost:0": false, "[::1]:0": false, "127.8.9.1:0": false,
		":0": true, "0.0.0.0:0": true, "192.0.2.1:80": true, "example.com:80": true,
	} {
		c := &demoConfig{addr: addr}
		if got := !c.options().Cookie.Insecure; got != secure {
			t.Errorf("--addr %s: Secure is %v; want %v", addr, got, secure)
		}
	}
}

func TestStopEndsStreamsAndWaitingCalls(t *testing.T) {
	d := start(t)
	answer, err := http.Get(d.url + "/api/stream?n=1000&every=10s")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	d.stop()
	select {
	case code := <-d.code:
		if code != exitOK {
			t.Errorf("stopped with the exit code %d", code)
		}
	case <-time.After(4 * time.Second):
		t.Fatal("a stream holds the stop up")
	}
	if _, err := io.ReadAll(answer.Body); err != nil {
		t.Errorf("the stream was torn: %v", err)
	}
}
