package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn"
)

const demoUsage = `Usage: sojourn demo [flags]

Serves a web application that shows what the library does: a page for people,
JSON calls for programs.

  --addr host:port       where to listen; port 0 takes a free one (127.0.0.1:8080)
  --store STORE          where sessions are kept: memory, or a Redis by its URL,
                         redis://[user:password@]host[:port][/db], rediss://…
                         or unix://… (memory)
  --secret S             signs the cookies; at least 16 bytes, better 32 random
                         ones (made for this run)
  --timeout D            ends a session that was not used for so long; 0: never (20m)
  --lifetime D           ends a session so long after it was made; 0: never (24h)
  --codec cbor|json      how values are stored (cbor)
  --prefix P             of the keys in Redis (sojourn:)
  --refresh-below D      renew the idle time-out only when less than D of it is
                         left; 0: with every use (0)
`

// demoConfig is what the flags of "sojourn demo" say.
type demoConfig struct {
	addr, store, secret, codec, prefix string
	timeout, lifetime, refreshBelow    time.Duration // 0: none
}

// parseDemo returns flag.ErrHelp if help was asked for. The errors name the
// flag, its value and what would be right, but never show a secret or a
// password: what a flag that takes one was given is not repeated.
func parseDemo(args []string) (*demoConfig, error) {
	c := &demoConfig{timeout: 20 * time.Minute, lifetime: 24 * time.Hour}
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&c.addr, "addr", "127.0.0.1:8080", "")
	fs.StringVar(&c.store, "store", "memory", "")
	fs.StringVar(&c.secret, "secret", "", "")
	fs.StringVar(&c.codec, "codec", "cbor", "")
	fs.StringVar(&c.prefix, "prefix", "sojourn:", "")
	fs.Var((*span)(&c.timeout), "timeout", "")
	fs.Var((*span)(&c.lifetime), "lifetime", "")
	fs.Var((*span)(&c.refreshBelow), "refresh-below", "")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, errors.New("it takes flags only; a value with spaces needs quotes")
	}
	if wasSet(fs, "secret") && c.secret == "" {
		return nil, errors.New("--secret is empty; want 32 random bytes, for example from `openssl rand -hex 32`, or no --secret")
	}
	return c, c.validate()
}

func wasSet(fs *flag.FlagSet, name string) (set bool) {
	fs.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

func (c *demoConfig) validate() error {
	if _, _, err := net.SplitHostPort(c.addr); err != nil {
		return fmt.Errorf("--addr is %q; want host:port, such as 127.0.0.1:8080", c.addr)
	}
	switch {
	case c.store == "memory", strings.HasPrefix(c.store, "redis://"), strings.HasPrefix(c.store, "rediss://"), strings.HasPrefix(c.store, "unix://"):
	case strings.ContainsAny(c.store, ":/@"):
		return errors.New("--store is an address of another kind (not shown, it may hold a password); want memory, redis://…, rediss://… or unix://…")
	default:
		return fmt.Errorf("--store is %q; want memory, redis://…, rediss://… or unix://…", c.store)
	}
	if c.codec != "cbor" && c.codec != "json" {
		return fmt.Errorf("--codec is %q; want cbor or json", c.codec)
	}
	if c.refreshBelow > 0 && (c.timeout == 0 || c.refreshBelow >= c.timeout) {
		return fmt.Errorf("--refresh-below is %v; want less than --timeout, which is %v", c.refreshBelow, c.timeout)
	}
	return nil
}

// options are those of the library.
func (c *demoConfig) options() sojourn.Options {
	o := sojourn.Options{
		IdleTimeout:         orNever(c.timeout),
		Lifetime:            orNever(c.lifetime),
		RefreshBelow:        c.refreshBelow,
		Codec:               sojourn.CBOR,
		InsecureShortSecret: true, // with a warning
	}
	if c.codec == "json" {
		o.Codec = sojourn.JSON
	}
	o.Cookie.Insecure = c.loopback()
	return o
}

// loopback reports whether only this machine can connect.
func (c *demoConfig) loopback() bool {
	host, _, _ := net.SplitHostPort(c.addr)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func orNever(d time.Duration) time.Duration {
	if d == 0 {
		return sojourn.Never
	}
	return d
}

// A span is a flag's duration: 0, or 1ms to 100 years.
type span time.Duration

const longest = 100 * 365 * 24 * time.Hour

func (s *span) String() string { return time.Duration(*s).String() }

func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if text == "never" {
		d, err = 0, nil
	}
	if err != nil || d < 0 || d > longest || d > 0 && d < time.Millisecond {
		return errors.New("want a duration such as 90s, 20m or 24h, from 1ms to 876000h, or 0")
	}
	*s = span(d)
	return nil
}
