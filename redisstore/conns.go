package redisstore

import (
	"net"
	"sync"

	"github.com/sojourn-go/sojourn"
)

// conns are the open connections of one client, to end them without the client's
// Close. That one waits for Redis, up to a second a connection, and meanwhile
// hands out more of the replies that made Reset necessary. Once its connections
// are closed, a client holds nothing but memory.
type conns struct {
	mu      sync.Mutex
	open    map[*tracked]bool
	retired bool
}

type tracked struct {
	inOrder
	all *conns
}

// add takes conn in, or closes it if that comes too late.
func (c *conns) add(conn net.Conn) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired {
		conn.Close()
		return nil, sojourn.ErrNotSent
	}
	if c.open == nil {
		c.open = map[*tracked]bool{}
	}
	t := &tracked{all: c}
	t.Conn = conn
	c.open[t] = true
	return t, nil
}

// retire closes all connections, now and in future.
func (c *conns) retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retired = true
	for t := range c.open {
		t.end()
	}
}

func (c *conns) isRetired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.retired
}

func (t *tracked) Close() error {
	t.all.mu.Lock()
	delete(t.all.open, t)
	t.all.mu.Unlock()
	return t.Conn.Close()
}
