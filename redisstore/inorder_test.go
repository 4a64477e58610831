package redisstore

import (
	"errors"
	"io"
	"net"
	"testing"
)

const ping = "*1\r\n$4\r\nPING\r\n"

func TestInOrder(t *testing.T) {
	for name, row := range map[string]struct {
		commands, replies string
		want              error
	}{
		"as many":               {ping + ping, "+PONG\r\n|1\r\n+a\r\n:1\r\n+PONG\r\n", io.EOF},
		"fewer":                 {ping + ping, ">1\r\n$1\r\nx\r\n+PONG\r\n", io.EOF},
		"one more":              {ping, "+PONG\r\n+PONG\r\n", errSurplus},
		"unasked":               {"", "+PONG\r\n", errSurplus},
		"to half a command":     {ping[:len(ping)-1], "-ERR too slow\r\n", errSurplus},
		"no RESP":               {ping, "HTTP/1.1 400 Bad Request\r\n", errNoReply},
		"a command not counted": {"PING\r\n", "", errNoCount},
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := net.Pipe()
			c := &inOrder{Conn: ours}
			go func() {
				if _, err := io.CopyN(io.Discard, theirs, int64(len(row.commands))); err != nil {
					return
				}
				_, _ = theirs.Write([]byte(row.replies))
				theirs.Close()
			}()
			var err error
			if row.commands != "" {
				_, err = c.Write([]byte(row.commands))
			}
			b := make([]byte, 100)
			for n := 0; err == nil; {
				if n, err = c.Read(b); err != nil && n > 0 {
					t.Errorf("an error with %q", b[:n])
				}
			}
			if !errors.Is(err, row.want) {
				t.Errorf("%v, want %v", err, row.want)
			}
			if row.want == io.EOF {
				return
			}
			if _, err := ours.Write(nil); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("the connection is open: %v", err)
			}
		})
	}
}
