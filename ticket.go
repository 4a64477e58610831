package sojourn

import (
	"strconv"
	"strings"
	"time"
)

// A ticket is what the cookie says, once verified: the id and, for a session
// with a time-out of its own, that time-out. It lets the one command that
// reads the session renew its expiry by the right amount; without it, reading
// such a session would cost a second command. It is a hint only: what the
// record says counts, and corrects it.
type ticket struct {
	id      string
	timeout time.Duration // 0: the manager's
}

const ticketSeparator = "~" // in no id

func (m *Manager) sign(t ticket) string {
	text := t.id
	if t.timeout != 0 && m.hints {
		text += ticketSeparator + strconv.FormatInt(toMillis(t.timeout), 36)
	}
	return m.signer.Sign(text)
}

func (m *Manager) verify(value string) (ticket, bool) {
	if len(value) > maxCookieSize {
		return ticket{}, false
	}
	text, ok := m.signer.Verify(value)
	if !ok {
		return ticket{}, false
	}
	id, hint, hinted := text, "", false
	if m.hints {
		id, hint, hinted = strings.Cut(text, ticketSeparator)
	}
	t := ticket{id: id}
	if hinted {
		ms, err := strconv.ParseInt(hint, 36, 64)
		if err != nil || ms == 0 || ms > int64(maxDuration/time.Millisecond) {
			return ticket{}, false
		}
		t.timeout = fromMillis(ms)
	}
	return t, validID(id)
}
