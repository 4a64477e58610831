package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// conn speaks RESP2 with one server, one command after the other.
type conn struct {
	net.Conn
	r *bufio.Reader
}

// replyError is an error that the server answered with.
type replyError string

func (e replyError) Error() string { return string(e) }

func dial(addr string) (*conn, error) {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, r: bufio.NewReader(c)}, nil
}

func (c *conn) do(args ...string) (any, error) {
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(request(args...)); err != nil {
		return nil, err
	}
	f, err := readFrame(c.r)
	if err != nil {
		return nil, err
	}
	return f.value()
}

func request(args ...string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b
}

// A frame is one whole RESP value: its own bytes, and what they mean.
type frame struct {
	raw   []byte
	kind  byte
	text  string // of scalars and bulks
	null  bool
	items []frame // of arrays, sets, pushes; keys and values of maps
}

// readFrame reads one request or reply, RESP2 or RESP3.
func readFrame(r *bufio.Reader) (frame, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return frame{}, err
	}
	if len(line) < 3 {
		return frame{}, errors.New("redistest: malformed RESP line")
	}
	f := frame{raw: []byte(line), kind: line[0], text: line[1 : len(line)-2]}
	n := 0
	switch f.kind {
	case '$', '!', '=', '*', '~', '>', '%', '|':
		if n, err = strconv.Atoi(f.text); err != nil {
			return f, fmt.Errorf("redistest: malformed RESP length %q", f.text)
		}
		if f.null = n < 0; f.null {
			return f, nil
		}
	case '_':
		f.null = true
	}
	switch f.kind {
	case '$', '!', '=':
		b := make([]byte, n+2)
		if _, err := io.ReadFull(r, b); err != nil {
			return f, err
		}
		f.raw, f.text = append(f.raw, b...), string(b[:n])
	case '%', '|':
		n *= 2
		fallthrough
	case '*', '~', '>':
		for range n {
			item, err := readFrame(r)
			if err != nil {
				return f, err
			}
			f.raw, f.items = append(f.raw, item.raw...), append(f.items, item)
		}
	}
	return f, nil
}

func (f frame) value() (any, error) {
	switch {
	case f.null:
		return nil, nil
	case f.kind == '-' || f.kind == '!':
		return nil, replyError(f.text)
	case f.kind == ':':
		n, err := strconv.ParseInt(f.text, 10, 64)
		return n, err
	case f.items != nil || f.kind == '*':
		out := make([]any, len(f.items))
		for i, item := range f.items {
			v, err := item.value()
			if err != nil {
				v = err // an error inside an array, as of EXEC
			}
			out[i] = v
		}
		return out, nil
	}
	return f.text, nil
}
