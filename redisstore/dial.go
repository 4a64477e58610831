package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
)

// Measured: 0.22 MiB a connection instead of 1.37, at the same speed.
const (
	ringScale  = 8
	bufferSize = 64 << 10
)

const (
	dialTimeout   = time.Second
	silenceAtMost = 2 * time.Second
)

// Dial makes a Store with connections of its own to one Redis server:
//
//	redis://[user:password@]host[:port][/db]
//	rediss://…                                with TLS
//	unix://[user:password@]/path/to/socket[?db=n]
//
// A Redis that is down is no error: the Store answers as soon as it is up. An
// address that does not answer at all holds Dial up for at most two seconds. It
// is an error if the URL is wrong or Redis refuses it (password, user, database,
// certificate). No error shows the password.
func Dial(url string) (*Store, error) { return DialWith(url, nil) }

// DialWith is [Dial] with options, which may be nil.
func DialWith(url string, opts *Options) (*Store, error) {
	o, err := opts.validate()
	if err != nil {
		return nil, err
	}
	option, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	if option.Dialer.Timeout == 0 {
		option.Dialer.Timeout = dialTimeout
	}
	if option.ConnWriteTimeout == 0 {
		option.ConnWriteTimeout = max(o.Timeout, silenceAtMost)
	}
	option.ForceSingleClient = true // gives a client even if Redis is down
	option.DisableCache = true
	option.DisableRetry = true // Load has its own, with an end
	option.RingScaleEachConn = ringScale
	option.ReadBufferEachConn = bufferSize
	option.WriteBufferEachConn = bufferSize

	s := newStore(o)
	client, open, err := connect(option, &s.trouble, false)
	if err = refusal(err); err != nil {
		open.retire()
		return nil, err
	}
	if client == nil {
		return nil, errors.New("redisstore: Dial: no client for these settings")
	}
	s.client.Store(&client)
	s.conns = open
	s.dial = func() (rueidis.Client, *conns) {
		c, open, _ := connect(option, &s.trouble, true)
		return c, open
	}
	return s, nil
}

// connect makes a client, and its first connection unless lazy.
func connect(option rueidis.ClientOption, t *trouble, lazy bool) (rueidis.Client, *conns, error) {
	open := &conns{}
	var awake atomic.Bool
	awake.Store(!lazy)
	network := option.DialCtxFn // set for unix sockets
	if network == nil {
		network = dialTCP
	}
	option.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, c *tls.Config) (net.Conn, error) {
		if !awake.Load() || open.isRetired() { // NewClient insists on trying
			return nil, sojourn.ErrNotSent
		}
		t.mark()
		conn, err := network(ctx, addr, d, c)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", sojourn.ErrNotSent, err)
		}
		return open.add(conn)
	}
	client, err := rueidis.NewClient(option)
	awake.Store(true)
	return client, open, err
}

func dialTCP(ctx context.Context, addr string, d *net.Dialer, c *tls.Config) (net.Conn, error) {
	if c == nil {
		return d.DialContext(ctx, "tcp", addr)
	}
	return (&tls.Dialer{NetDialer: d, Config: c}).DialContext(ctx, "tcp", addr)
}

// refusal returns the error of Dial for what went wrong at the first connection:
// none if that may pass by itself.
func refusal(err error) error {
	if re := (*rueidis.RedisError)(nil); errors.As(err, &re) {
		msg := strings.TrimPrefix(re.Error(), "ERR ")
		for _, passing := range []string{"LOADING", "BUSY", "MASTERDOWN", "max number of clients"} {
			if strings.HasPrefix(msg, passing) {
				return nil
			}
		}
		return failed("Dial", "", err)
	}
	if ce := (*tls.CertificateVerificationError)(nil); errors.As(err, &ce) {
		return failed("Dial", "", err)
	}
	return nil
}
