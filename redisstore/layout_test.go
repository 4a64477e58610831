package redisstore

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(format(0, &sojourn.Record{})))
	f.Add([]byte(format(1_700_000_000_000, &sojourn.Record{Data: []byte("data")})))
	f.Add([]byte("secret"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, ms, err := parse(b)
		if err != nil {
			if rec != nil || !errors.Is(err, errMalformed) {
				t.Fatalf("parse answers %v, %v", rec, err)
			}
			return
		}
		if rec.Expires.IsZero() != (ms == 0) || ms > maxHead || ms < 0 {
			t.Fatalf("a head of %q gives %d and %v", b[:versionAt], ms, rec.Expires)
		}
		if got := format(ms, rec); got != string(b) {
			t.Fatalf("%q is written again as %q", b, got)
		}
	})
}

func TestHeadsCompareAsText(t *testing.T) {
	last := never
	for _, ms := range []int64{1, 9, 10, 1_699_999_999_999, 1_700_000_000_000, maxHead} {
		h := head(ms)
		if len(h) != versionAt || h <= last {
			t.Errorf("head(%d) is %q, after %q", ms, h, last)
		}
		last = h
	}
	if head(1<<62) != last || head(-5) != never {
		t.Error("heads are to stay within 13 digits")
	}
}

func TestFormatCopies(t *testing.T) {
	rec := &sojourn.Record{Data: []byte("data")}
	s := format(0, rec)
	rec.Data[0] = 'X'
	if !strings.HasSuffix(s, "data") {
		t.Error("the value shares memory with the record")
	}
	got, _, _ := parse([]byte(s))
	if got.Data = append(got.Data, '!'); !bytes.Equal(got.Data, []byte("data!")) {
		t.Error(got.Data)
	}
}

func TestScriptNames(t *testing.T) {
	seen := [scripts]bool{}
	for _, sc := range []script{swapScript, deleteScript, touchScript, loadScript, createScript} {
		sum := sha1.Sum([]byte(sc.text))
		if want := hex.EncodeToString(sum[:]); sc.sha != want {
			t.Errorf("script.go has the SHA-1 %s, want %s, of the script that begins with\n%.60s", sc.sha, want, sc.text)
		}
		seen[sc.n] = true
	}
	if seen != [scripts]bool{true, true, true, true, true} {
		t.Error("each script needs its own number")
	}
}

func TestRepliesAreRedacted(t *testing.T) {
	for msg, want := range map[string]string{
		"WRONGTYPE Operation against a key":                                             "WRONGTYPE Operation against a key",
		"ERR unknown command 'GETEX', with args beginning with: 'sojourn:the-id' 'PX' ": "ERR unknown command 'GETEX' (needed are Redis 6.2 and its scripts)",
		"unknown command 'GETEX', with args beginning with: 'hush'":                     "unknown command 'GETEX' (needed are Redis 6.2 and its scripts)",
		"ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `hush`":    "ERR unknown command `HELLO` (needed are Redis 6.2 and its scripts)",
		"NOPERM no access to sojourn:the-id":                                            "NOPERM",
		"the-id":                                                                        "an error",
	} {
		got, whole := reply(msg, "the-id")
		if got != want || whole != (got == msg) {
			t.Errorf("of %q is shown %q, %v; want %q", msg, got, whole, want)
		}
	}
}

func TestErrorsOfOthers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for _, err := range []error{context.Canceled, context.DeadlineExceeded} {
		if got := ours(ctx, err); errors.Is(got, err) || errors.Is(got, sojourn.ErrNotSent) || !broken(ctx, got) {
			t.Errorf("%v of another call becomes %v", err, got)
		}
		dial := &net.OpError{Op: "dial", Net: "tcp", Err: err}
		if got := ours(ctx, dial); errors.Is(got, err) || !errors.Is(got, sojourn.ErrNotSent) || !broken(ctx, got) {
			t.Errorf("%v of another call while connecting becomes %v", err, got)
		}
	}
	cancel()
	if got := ours(ctx, context.Canceled); got != context.Canceled || broken(ctx, got) {
		t.Errorf("the own cancellation becomes %v", got)
	}
	past, cancel := context.WithDeadline(t.Context(), time.Now().Add(-1))
	defer cancel()
	if got := ours(past, context.DeadlineExceeded); got != context.DeadlineExceeded {
		t.Errorf("the own deadline becomes %v", got)
	}
}
