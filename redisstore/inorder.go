package redisstore

import (
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
)

var (
	errSurplus = errors.New("Redis sent a reply that no command asked for")
	errNoReply = errors.New("Redis sent what is no reply")
	errNoCount = errors.New("a command that cannot be counted was not sent")
)

// inOrder is a connection that ends when more replies arrive than commands were
// sent, as from a proxy that mixes up its connections: rueidis panics at such a
// reply, in a goroutine that nobody can protect. It sees none of what arrived
// with it, nor anything else that it would not get over.
//
// It is enough to count what goes through the connection, because rueidis has
// noted a command before it writes it, reads replies for nothing else, and sends
// none that has no reply.
type inOrder struct {
	net.Conn
	commands frames // of the goroutine that writes
	replies  frames // of the one that reads
	pending  atomic.Int64
}

func (c *inOrder) Write(b []byte) (int, error) {
	n, ok := c.commands.count(b)
	if !ok { // from here on every reply would seem one too many, or none
		c.end()
		return 0, errNoCount
	}
	c.pending.Add(int64(n)) // before Redis can answer
	return c.Conn.Write(b)
}

func (c *inOrder) Read(b []byte) (int, error) {
	got, err := c.Conn.Read(b)
	n, ok := c.replies.count(b[:got])
	switch {
	case !ok:
		err = errNoReply
	case c.pending.Add(-int64(n)) < 0:
		err = errSurplus
	default:
		return got, err
	}
	c.end()
	return 0, err
}

// end closes the connection without a word to the other side, which a TLS
// connection's own Close may wait for.
func (c *inOrder) end() {
	if s, ok := c.Conn.(*tls.Conn); ok {
		s.NetConn().Close()
		return
	}
	c.Conn.Close()
}
