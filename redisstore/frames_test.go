package redisstore

import (
	"strconv"
	"strings"
	"testing"
)

// What a stream holds: so many replies, and then perhaps what cannot be one.
var streams = []struct {
	text string
	n    int
	ok   bool
}{
	{"", 0, true},
	{"+OK\r\n", 1, true},
	{"+\r\n", 1, true},
	{"+a\rb\r\n", 1, true},
	{"-ERR no\r\n", 1, true},
	{":1\r\n:-2\r\n", 2, true},
	{"_\r\n#t\r\n#f\r\n,1.5\r\n(123\r\n", 5, true},
	{"$3\r\nabc\r\n", 1, true},
	{"$0\r\n\r\n", 1, true},
	{"$9\r\n\r\n+OK\r\n\r\n\r\n", 1, true},
	{"=7\r\ntxt:abc\r\n!3\r\nERR\r\n", 2, true},
	{"$-1\r\n*-1\r\n~-1\r\n", 3, true},
	{"*0\r\n%0\r\n~0\r\n", 3, true},
	{"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", 1, true},
	{"*2\r\n*1\r\n:1\r\n*2\r\n*0\r\n$-1\r\n+x\r\n", 2, true},
	{"%2\r\n+a\r\n:1\r\n+b\r\n~2\r\n:1\r\n:2\r\n:3\r\n", 2, true},
	{"*1\r\n%1\r\n+a\r\n*-1\r\n", 1, true},
	{strings.Repeat("*1\r\n", maxDepth) + ":1\r\n", 1, true},

	{">2\r\n$7\r\nmessage\r\n$1\r\nx\r\n", 0, true},
	{">0\r\n:1\r\n", 1, true},
	{">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n+OK\r\n", 1, true},
	{">2\r\n$23\r\ntracking-redir-broken-x\r\n_\r\n", 0, true},

	{"|1\r\n+ttl\r\n:3600\r\n", 0, true},
	{"|1\r\n+ttl\r\n:3600\r\n$1\r\nx\r\n", 1, true},
	{"|0\r\n:1\r\n", 1, true},
	{"*2\r\n|1\r\n+a\r\n*1\r\n:1\r\n:1\r\n:2\r\n:3\r\n", 2, true},
	{"*1\r\n|0\r\n:1\r\n:2\r\n", 2, true},
	{"|1\r\n+a\r\n+b\r\n>1\r\n$1\r\nx\r\n:1\r\n", 1, true},

	// Half a reply is none yet.
	{"$3\r\nabc\r", 0, true},
	{"*2\r\n:1\r\n", 0, true},
	{"+OK", 0, true},

	// No RESP, or none that rueidis gets over.
	{"HTTP/1.1 400 Bad Request\r\n\r\n", 0, false},
	{"+OK\r\nx", 1, false},
	{"\r\n", 0, false},
	{"\n\r\n", 0, false},
	{"\x00\r\n", 0, false},
	{"+\n", 0, false},
	{"+OK\n", 0, false},
	{"+" + strings.Repeat("x", maxLine+1), 0, false},
	{":\r\n$\r\n", 1, false},
	{"$+1\r\n", 0, false},
	{"$-0\r\n", 0, false},
	{"$-2\r\n", 0, false},
	{"$1 \r\n", 0, false},
	{"$1\n", 0, false},
	{"$?\r\n;3\r\nabc\r\n;0\r\n", 0, false},
	{"*?\r\n:1\r\n.\r\n", 0, false},
	{";0\r\n", 0, false},
	{".\r\n", 0, false},
	{"$" + strconv.Itoa(maxBulk+1) + "\r\n", 0, false},
	{"$99999999999999999999999\r\n", 0, false},
	{"$00000000000000000000001", 0, false},
	{"*" + strconv.Itoa(maxItems+1) + "\r\n", 0, false},
	{"%" + strconv.Itoa(maxItems/2+1) + "\r\n", 0, false},
	{strings.Repeat("*1\r\n", maxDepth+1), 0, false},
	{"$3\r\nabcde", 0, false},
	{"$3\r\nabc\n", 0, false},
	{"$3\r\nabcx\r\n", 0, false},
	{"_xy", 0, false},
	{"_+\n", 0, false},
	{"#\r\n", 0, false},
	{"#trx", 0, false},
	{"#t:\n", 0, false},
	{"%-1\r\n", 0, false},
	{"|-1\r\n", 0, false},
	{">-1\r\n", 0, false},
	{"*1\r\n>1\r\n:1\r\n", 0, false},
	{">2\r\n:1\r\n:1\r\n", 0, false},
	{">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n", 0, false},
	{"+OK\r\n>3\r\n$12\r\npunsubscribe\r\n$1\r\nc\r\n:1\r\n", 1, false},
}

func TestFrames(t *testing.T) {
	for _, s := range streams {
		text := []byte(s.text)
		for i := 0; i <= len(text); i += 1 + len(text)/1000 {
			if n, ok := countPieces(text[:i], text[i:]); n != s.n || ok != s.ok {
				t.Errorf("%.60q cut at %d: %d, %v; want %d, %v", s.text, i, n, ok, s.n, s.ok)
				break
			}
		}
		if n, ok := countBytes(text); n != s.n || ok != s.ok {
			t.Errorf("%.60q byte by byte: %d, %v; want %d, %v", s.text, n, ok, s.n, s.ok)
		}
	}
}

func TestFramesStayBroken(t *testing.T) {
	var f frames
	f.count([]byte("x"))
	if n, ok := f.count([]byte("+OK\r\n")); n != 0 || ok {
		t.Errorf("after what is no RESP: %d, %v; want 0, false", n, ok)
	}
}

func TestFramesTakeNoMemory(t *testing.T) {
	text := []byte("$3\r\nabc\r\n*2\r\n+a\r\n:1\r\n|1\r\n+a\r\n:1\r\n>1\r\n$3\r\nabc\r\n")
	var f frames
	if n := testing.AllocsPerRun(100, func() { f.count(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever comes, no panic; however it is cut up, the same count.
func FuzzFrames(f *testing.F) {
	for _, s := range streams {
		if len(s.text) < 1000 {
			f.Add([]byte(s.text), uint(3))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint) {
		n, ok := countPieces(b)
		if m, ok2 := countBytes(b); m != n || ok2 != ok {
			t.Fatalf("whole %d, %v; byte by byte %d, %v", n, ok, m, ok2)
		}
		at %= uint(len(b)) + 1
		if m, ok2 := countPieces(b[:at], b[at:]); m != n || ok2 != ok {
			t.Fatalf("whole %d, %v; cut at %d %d, %v", n, ok, at, m, ok2)
		}
	})
}

func countPieces(pieces ...[]byte) (n int, ok bool) {
	var f frames
	ok = true
	for _, p := range pieces {
		var k int
		k, ok = f.count(p)
		n += k
	}
	return n, ok
}

func countBytes(b []byte) (int, bool) {
	pieces := make([][]byte, len(b))
	for i := range b {
		pieces[i] = b[i : i+1]
	}
	return countPieces(pieces...)
}
