package redisstore

import "bytes"

// Far beyond what a Store sends and receives, and what rueidis reads without
// harm: it allocates whatever length it is told, and panics at negative ones.
const (
	maxDepth  = 8
	maxItems  = 1 << 12
	maxBulk   = 512 << 20 // Redis's own default
	maxLine   = 64 << 10
	maxLength = 22 // a length with its CR
)

// limits are how long the line of each kind of element may be, with its CR. What
// is not in it is no RESP, or streamed, which Redis does not do.
var limits = [256]int{
	'+': maxLine, '-': maxLine, ':': maxLine, ',': maxLine, '(': maxLine, '#': 2, '_': 1,
	'$': maxLength, '=': maxLength, '!': maxLength, '*': maxLength, '~': maxLength, '%': maxLength, '|': maxLength, '>': maxLength,
}

const bulkEnd = '\n' // is no kind: stands for the line that ends a bulk

// frames counts the requests or replies in a stream of RESP2 or RESP3 that comes
// in pieces. It is stricter than rueidis, which skips the ends of some lines
// unseen, lest rueidis find more in the same bytes.
type frames struct {
	kind   byte // of the element under way; 0: none
	last   byte // of its line so far
	width  int  // of its line so far
	limit  int  // of its line
	body   int  // bytes of a bulk to come before its end
	line   [maxLength]byte
	depth  int
	open   [maxDepth]aggregate
	naming bool // the element is the name of a push
	broken bool
}

type aggregate struct {
	kind byte
	left int // elements
}

// count takes the next piece and returns how many requests or replies it
// completes. Not ok is for good: the stream is none that it understands.
func (f *frames) count(b []byte) (n int, ok bool) {
	for len(b) > 0 && !f.broken {
		switch {
		case f.body > 0:
			k := min(len(b), f.body)
			f.skip(b[:k])
			b = b[k:]
		case f.kind == 0:
			f.begin(b[0])
			b = b[1:]
		default:
			i := bytes.IndexByte(b, '\n')
			if i < 0 {
				f.extend(b)
				return n, !f.broken
			}
			f.extend(b[:i])
			b = b[i+1:]
			if f.finish() {
				n++
			}
		}
	}
	return n, !f.broken
}

func (f *frames) begin(kind byte) {
	f.kind, f.last, f.width, f.limit = kind, 0, 0, limits[kind]
	f.broken = f.limit == 0 || f.naming && kind != '$' // as Redis names its pushes
}

func (f *frames) extend(part []byte) {
	if len(part) == 0 {
		return
	}
	if f.width < len(f.line) {
		copy(f.line[f.width:], part)
	}
	f.width += len(part)
	f.last = part[len(part)-1]
	f.broken = f.width > f.limit
}

// skip is for the bytes of a bulk. They are looked at only to recognize that a
// subscription is confirmed: there is none, and rueidis would panic.
func (f *frames) skip(part []byte) {
	f.body -= len(part)
	if !f.naming {
		return
	}
	f.width += copy(f.line[f.width:], part)
	if f.body == 0 {
		f.broken = bytes.HasSuffix(f.line[:f.width], []byte("subscribe"))
		f.naming, f.width = false, 0
	}
}

// finish is for the end of a line. It reports whether that is the end of a
// request or reply.
func (f *frames) finish() bool {
	kind := f.kind
	f.kind = 0
	if f.broken = f.broken || f.last != '\r' || kind == '#' && f.width != 2; f.broken {
		return false
	}
	switch kind {
	case '$', '=', '!':
		n := f.length(maxBulk)
		f.naming = f.naming && len("subscribe") <= n && n <= len("punsubscribe")
		if n >= 0 {
			f.kind, f.last, f.width, f.limit, f.body = bulkEnd, 0, 0, 1, n
			return false
		}
	case '*', '~', '%', '|', '>':
		n := f.length(maxItems)
		if kind == '%' || kind == '|' {
			n *= 2
		}
		switch {
		case n > maxItems, n < -1, n < 0 && kind == '>', kind == '>' && f.depth > 0, n > 0 && f.depth == maxDepth:
			f.broken = true
		case n > 0:
			f.naming = kind == '>'
			f.open[f.depth] = aggregate{kind, n}
			f.depth++
			return false
		}
	}
	return !f.broken && f.complete(kind)
}

// length is what the line says: -1 for null.
func (f *frames) length(most int) int {
	digits := f.line[:f.width-1]
	if string(digits) == "-1" {
		return -1
	}
	n := int64(0)
	for _, c := range digits {
		if n = 10*n + int64(c-'0'); c < '0' || c > '9' || n > int64(most) {
			f.broken = true
			return -1
		}
	}
	f.broken = len(digits) == 0
	return int(n)
}

// complete ends an element, and the aggregates whose last one that was. It
// reports whether that is the end of a request or reply: neither is an attribute,
// which goes with what follows it, nor a push.
func (f *frames) complete(kind byte) bool {
	for ; kind != '|'; f.depth-- {
		if f.depth == 0 {
			return kind != '>'
		}
		in := &f.open[f.depth-1]
		if in.left--; in.left > 0 {
			return false
		}
		kind = in.kind
	}
	return false
}
