package redisstore_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn/internal/redistest"
	"github.com/sojourn-go/sojourn/redisstore"
)

func TestMalformedURLs(t *testing.T) {
	for _, url := range []string{
		"", "localhost:6379", "http://localhost", "redis:localhost", "redis://host:99999", "redis://host:port",
		"redis://:hush@host/x", "redis://:hush@host/-1", "redis://:hush@host/0/1", "redis://:hu/hush@host:1/0", "redis://:hush#x@host",
		"redis://:hush%zz@host", "redis://:hush@host?addr=b:1", "redis://:hush@host?master_set=m", "redis://:hush@host?timeout=1s",
		"redis://:hush@host?dial_timeout=x", "rediss://:hush@host?skip_verify=hush", "unix://:hush@", "redis://:hush@host:6379/0?db=hush",
		"redis://user:hush@host:6379/0#frag", "redis://:hu?hush@host", "\x00redis://:hush@host",
	} {
		s, err := redisstore.Dial(url)
		switch {
		case err == nil:
			s.Close()
			t.Errorf("Dial(%q) succeeds", url)
		case !strings.HasPrefix(err.Error(), "redisstore: Dial: "):
			t.Errorf("Dial(%q): %v", url, err)
		case strings.Contains(err.Error(), "hush"):
			t.Errorf("Dial(%q): the error shows the password: %v", url, err)
		}
	}
}

func TestURLs(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	srv := redistest.Start(t, "--unixsocket", socket)
	for url, db := range map[string]string{
		"redis://" + srv.Addr():                                 "0",
		"redis://" + srv.Addr() + "/":                           "0",
		"redis://" + srv.Addr() + "/2":                          "2",
		"redis://" + srv.Addr() + "?db=3&client_name=x":         "3",
		"redis://" + srv.Addr() + "/4?protocol=2":               "4",
		"redis://" + srv.Addr() + "?dial_timeout=1s":            "0",
		"unix://" + socket + "?db=5":                            "5",
		strings.Replace(srv.URL(), "127.0.0.1", "localhost", 1): "0",
	} {
		s := dial(t, url, nil)
		must(t, s.Create(t.Context(), "id", newRecord("x"), time.Hour))
		if got := srv.Do("INFO", "keyspace").(string); !strings.Contains(got, "db"+db+":") {
			t.Errorf("%s: the record is not in database %s: %s", url, db, got)
		}
		srv.Flush()
	}
}

func TestPasswords(t *testing.T) {
	const good = "p@ss/w:rd?#%"
	srv := redistest.Start(t, "--requirepass", good)
	s := dial(t, srv.URL(), nil)
	must(t, s.Ping(t.Context()))

	srv.Do("ACL", "SETUSER", "ann", "on", ">hush", "~sojourn:*",
		"+get", "+getex", "+set", "+del", "+ping", "+eval", "+evalsha", "+getrange", "+setrange", "+persist", "+pexpire")
	ann := dial(t, "redis://ann:hush@"+srv.Addr(), nil)
	rec := newRecord("x")
	must(t, ann.Create(t.Context(), "id", rec, time.Hour))
	must(t, ann.Touch(t.Context(), "id", -1))
	_, err := ann.Swap(t.Context(), "id", rec, rec, time.Hour)
	must(t, err)
	_, err = ann.Delete(t.Context(), "id", rec)
	must(t, err)

	for _, url := range []string{
		"redis://" + srv.Addr(),
		"redis://:wrongpw@" + srv.Addr(),
		"redis://:wrongpw@" + srv.Addr() + "?protocol=2",
		"redis://nobody:wrongpw@" + srv.Addr(),
		strings.Replace(srv.URL(), "/0", "/999", 1),
		"redis://ann:hush@" + srv.Addr() + "/1", // NOPERM for SELECT
	} {
		s, err := redisstore.Dial(url)
		if err == nil {
			s.Close()
			t.Errorf("Dial(%q) succeeds", url)
			continue
		}
		t.Log(err)
		for _, secret := range []string{"wrongpw", "hush", good} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows the password: %v", err)
			}
		}
	}
}

func TestLoadingIsNoError(t *testing.T) {
	srv := redistest.Start(t)
	srv.Do("CONFIG", "SET", "maxclients", "1")
	s := dial(t, srv.URL(), nil) // the only place is taken: that may pass
	if err := s.Ping(t.Context()); err == nil {
		t.Error("Ping succeeds without a connection")
	}
	srv.Do("CONFIG", "SET", "maxclients", "100")
	must(t, s.Ping(t.Context()))
}
