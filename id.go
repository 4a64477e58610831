package sojourn

import (
	"crypto/rand"
	"fmt"
)

const maxIDLength = 200

// validID reports whether id has the form of [Options.NewID]. Its characters
// are safe in a cookie (RFC 6265, section 4.1.1), and "~" is left for tickets.
func validID(id string) bool {
	if id == "" || len(id) > maxIDLength {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == ':', c == '+', c == '/', c == '=':
		default:
			return false
		}
	}
	return true
}

func (m *Manager) newID() (string, error) {
	id := m.opts.NewID()
	if !validID(id) {
		return "", fmt.Errorf("sojourn: Options.NewID made an id of %d bytes or with a character out of place; want 1 to %d ASCII letters, digits and characters of \"-_.:+/=\"", len(id), maxIDLength)
	}
	if !m.hints { // a signer of the user's own
		if n := len(m.opts.Cookie.Name) + len(m.sign(ticket{id: id})); n > maxCookieSize {
			return "", fmt.Errorf("sojourn: Options.Signer made a cookie of %d bytes with its name; want at most %d, browsers drop more", n, maxCookieSize)
		}
	}
	return id, nil
}

func newVersion() (v Version) {
	const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	rand.Read(v[:]) // never fails
	for i := range v {
		v[i] = base64url[v[i]&63]
	}
	return v
}
