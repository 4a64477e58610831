package demo

import (
	"net/http"
	"time"

	"github.com/sojourn-go/sojourn"
)

// userKey is where the demo keeps who is logged in.
var userKey = sojourn.Key[string]("_demo_user")

// sessionInfo is a session as the API shows it. It holds neither the id nor the
// CSRF token.
type sessionInfo struct {
	New     bool           `json:"new"`
	Created int64          `json:"created"` // Unix time
	Timeout float64        `json:"timeout"` // seconds; 0: none
	User    *string        `json:"user"`
	Values  map[string]any `json:"values"`
}

func (a *app) getSession(w http.ResponseWriter, r *http.Request, s *sojourn.Session) error {
	info := sessionInfo{
		New:     s.New(),
		Created: s.Created().Unix(),
		Timeout: seconds(s.Timeout()),
		Values:  visibleValues(s),
	}
	if user, err := userKey.Get(s); err == nil && user != "" {
		info.User = &user
	}
	return answer(w, http.StatusOK, info)
}

// seconds returns 0 for sojourn.Never.
func seconds(d time.Duration) float64 {
	if d == sojourn.Never {
		return 0
	}
	return d.Seconds()
}
