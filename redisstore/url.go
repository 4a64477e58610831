package redisstore

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// parameters are what may follow the "?" of a URL.
var parameters = []string{"db", "dial_timeout", "write_timeout", "skip_verify", "protocol", "client_name"}

// parseURL checks what rueidis lets pass. None of its errors quotes the URL, not
// even those of net/url: a password that is not percent-encoded ends up in any
// part of it.
func parseURL(s string) (rueidis.ClientOption, error) {
	malformed := errors.New("redisstore: Dial: the URL is malformed: want redis://[user:password@]host[:port][/db], " +
		"with the special characters of user and password percent-encoded")
	u, err := url.Parse(s)
	if err != nil {
		return rueidis.ClientOption{}, malformed
	}
	switch u.Scheme {
	case "redis", "rediss", "unix":
	default:
		return rueidis.ClientOption{}, errors.New("redisstore: Dial: the URL must begin with redis://, rediss:// or unix://")
	}
	if u.Opaque != "" || u.Fragment != "" {
		return rueidis.ClientOption{}, malformed
	}
	if u.Scheme != "unix" && u.Path == "/" {
		u.Path = ""
	}
	if u.Scheme == "unix" && u.Path == "" {
		return rueidis.ClientOption{}, errors.New("redisstore: Dial: the unix URL names no socket: want unix:///path/to/socket")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return rueidis.ClientOption{}, errors.New("redisstore: Dial: the port in the URL is not between 1 and 65535")
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return rueidis.ClientOption{}, malformed
	}
	for name := range query {
		switch {
		case name == "addr", name == "master_set":
			return rueidis.ClientOption{}, fmt.Errorf(
				"redisstore: Dial: the parameter %s in the URL: Dial connects to one server; use New with a client for Cluster or Sentinel", name)
		case !slices.Contains(parameters, name):
			return rueidis.ClientOption{}, errors.New(
				"redisstore: Dial: unknown parameter in the URL: known are " + strings.Join(parameters, ", "))
		}
	}
	option, err := rueidis.ParseURL(u.String())
	if err != nil || option.SelectDB < 0 || option.Dialer.Timeout < 0 || option.ConnWriteTimeout < 0 {
		return rueidis.ClientOption{}, errors.New(
			"redisstore: Dial: the URL's database must be a number from 0, its time-outs durations such as 1s, skip_verify true or false")
	}
	return option, nil
}
