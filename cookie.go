package sojourn

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Cookie describes the session cookie. The zero value is the safest that
// works everywhere: named "__Host-session", for the whole site and no
// subdomain, sent over HTTPS only, out of reach of scripts, not sent with
// requests from other sites except by following a link, gone when the browser
// closes.
type Cookie struct {
	// Name is "session" by default, with the strongest prefix that the other
	// fields permit: "__Host-" (RFC 6265bis, section 4.1.3.2) without Domain
	// and with Path "/", else "__Secure-", none with Insecure.
	Name string

	// Path is "/" by default. It is no protection: pages under other paths of
	// the same origin can get at the cookie.
	Path string

	// Domain, if set, sends the cookie to its subdomains too. Safe when:
	// every host under it is as trustworthy as this service.
	Domain string

	// Insecure lets the cookie travel over plain HTTP. Safe when: on
	// localhost. Unsafe when: anybody can listen. Check: the Set-Cookie
	// header of a login in production says Secure.
	Insecure bool

	// AllowScripts lets scripts of the page read the cookie. Unsafe when: any
	// script on the page is not yours.
	AllowScripts bool

	// SameSite is http.SameSiteLaxMode by default. None sends the cookie with
	// requests that other sites make: check CSRF tokens then.
	SameSite http.SameSite

	// Partitioned keeps a cookie per embedding site (CHIPS), for content in
	// other sites' frames; browsers need SameSite None for that.
	Partitioned bool

	// MaxAge is how long the browser keeps the cookie, counted from when it
	// was last sent; by default until it closes. [Options.IdleTimeout] ends
	// the session whatever the browser keeps.
	MaxAge time.Duration

	// Expires is a fixed date to the same end. Browsers prefer MaxAge.
	Expires time.Time
}

const (
	// maxCookieSize of name and value together: more is dropped by browsers
	// (RFC 6265bis, section 5.6).
	maxCookieSize = 4096
	// maxCandidates bounds how many cookies of the name are tried.
	maxCandidates = 8
)

func (c Cookie) withDefaults() Cookie {
	setDefault(&c.Path, "/")
	setDefault(&c.SameSite, http.SameSiteLaxMode)
	if c.Name == "" {
		switch {
		case c.Insecure:
			c.Name = "session"
		case c.Domain == "" && c.Path == "/":
			c.Name = "__Host-session"
		default:
			c.Name = "__Secure-session"
		}
	}
	return c
}

func (c Cookie) validate() error {
	fail := func(option string, value any, want string) error {
		return fmt.Errorf("sojourn: Options.Cookie.%s is %#v; %s", option, value, want)
	}
	if strings.HasPrefix(c.Domain, ".") {
		return fail("Domain", c.Domain, "want no leading dot")
	}
	if !strings.HasPrefix(c.Path, "/") {
		return fail("Path", c.Path, `want a path that begins with "/"`)
	}
	// Browsers match the prefixes without regard to case.
	name := strings.ToLower(c.Name)
	if (strings.HasPrefix(name, "__host-") || strings.HasPrefix(name, "__secure-")) && c.Insecure {
		return fail("Insecure", c.Insecure, fmt.Sprintf("want false, or a name without the prefix of %q", c.Name))
	}
	if strings.HasPrefix(name, "__host-") && c.Domain != "" {
		return fail("Domain", c.Domain, fmt.Sprintf("want none with the name %q", c.Name))
	}
	if strings.HasPrefix(name, "__host-") && c.Path != "/" {
		return fail("Path", c.Path, fmt.Sprintf(`want "/" with the name %q`, c.Name))
	}
	switch c.SameSite {
	case http.SameSiteLaxMode, http.SameSiteStrictMode:
	case http.SameSiteNoneMode:
		if c.Insecure {
			return fail("SameSite", "None", "want Lax or Strict, or Insecure to be false: browsers refuse the cookie")
		}
	default:
		return fail("SameSite", int(c.SameSite), "want http.SameSiteLaxMode, http.SameSiteStrictMode or http.SameSiteNoneMode")
	}
	if c.Partitioned && c.Insecure {
		return fail("Partitioned", true, "want Insecure to be false: browsers refuse the cookie")
	}
	if c.MaxAge < 0 || (c.MaxAge > 0 && c.MaxAge < time.Second) {
		return fail("MaxAge", c.MaxAge.String(), "want at least a second, or 0 for a cookie that ends with the browser")
	}
	for option, value := range map[string]string{"Path": c.Path, "Domain": c.Domain} {
		if len(value) > 1024 {
			return fail(option, value[:32]+"…", "want at most 1024 bytes: browsers ignore more")
		}
	}
	if len(c.Name) > 256 {
		return fail("Name", c.Name[:32]+"…", "want at most 256 bytes")
	}
	if err := c.httpCookie("x").Valid(); err != nil {
		return fmt.Errorf("sojourn: Options.Cookie: %w", err)
	}
	return nil
}

func (c Cookie) httpCookie(value string) *http.Cookie {
	return &http.Cookie{
		Name:        c.Name,
		Value:       value,
		Path:        c.Path,
		Domain:      c.Domain,
		Expires:     c.Expires,
		MaxAge:      int(c.MaxAge / time.Second),
		Secure:      !c.Insecure,
		HttpOnly:    !c.AllowScripts,
		SameSite:    c.SameSite,
		Partitioned: c.Partitioned,
	}
}

// setCookie adds the session's cookie to a response header.
func (m *Manager) setCookie(h http.Header, s *Session) {
	c := m.opts.Cookie
	switch own := s.now.cookieMaxAge; {
	case own == Never:
		c.MaxAge = 0
	case own > 0:
		c.MaxAge = max(own, time.Second)
	}
	if !s.now.cookieExpires.IsZero() {
		c.Expires = s.now.cookieExpires
	}
	addCookie(h, c.httpCookie(m.sign(ticket{s.id, s.now.timeout})))
}

// expireCookie makes the browser drop the cookie: same name, path and domain,
// and the same other attributes, which a partitioned cookie needs.
func (m *Manager) expireCookie(h http.Header) {
	c := m.opts.Cookie.httpCookie("")
	c.MaxAge, c.Expires = -1, time.Unix(0, 0)
	addCookie(h, c)
}

func addCookie(h http.Header, c *http.Cookie) {
	h.Add("Set-Cookie", c.String())
	// A cache must neither keep this response nor give it to others.
	if !hasToken(h.Values("Vary"), "Cookie") && !hasToken(h.Values("Vary"), "*") {
		h.Add("Vary", "Cookie")
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
}

func hasToken(values []string, token string) bool {
	for _, v := range values {
		for t := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}
