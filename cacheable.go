package sojourn

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Uncacheable reports whether a response may carry the session cookie because
// its handler did not mark it for shared caches (RFC 9111). It is the default
// of [Options.AllowCookie].
//
// Marked are: Cache-Control or CDN-Cache-Control with public, s-maxage, or a
// max-age above zero, unless there is private or no-store too; Expires in the
// future without Cache-Control. A response without any mark is not cacheable
// once it carries the cookie, since Cache-Control: no-store goes with it.
func Uncacheable(header http.Header, status int) bool {
	for _, name := range []string{"Cdn-Cache-Control", "Surrogate-Control", "Cache-Control"} {
		if values := header.Values(name); len(values) > 0 && sharedCacheable(values) {
			return false
		}
	}
	if header.Get("Cache-Control") != "" {
		return true
	}
	expires, err := http.ParseTime(header.Get("Expires"))
	return err != nil || !expires.After(time.Now())
}

func sharedCacheable(values []string) bool {
	cacheable := false
	for _, v := range values {
		for d := range strings.SplitSeq(v, ",") {
			name, arg, _ := strings.Cut(strings.ToLower(strings.TrimSpace(d)), "=")
			switch name {
			case "no-store":
				return false
			case "private":
				// private="field" only speaks of that field.
				if arg == "" {
					return false
				}
			case "public", "immutable":
				cacheable = true
			case "s-maxage", "max-age":
				seconds, err := strconv.Atoi(strings.Trim(arg, `"`))
				cacheable = cacheable || err != nil || seconds > 0
			}
		}
	}
	return cacheable
}
