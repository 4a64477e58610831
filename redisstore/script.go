package redisstore

import (
	"context"
	_ "embed" // for the scripts
	"errors"

	"github.com/redis/rueidis"
)

// A script is one step of several commands, run by Redis as a whole. Its SHA-1
// is only the name under which Redis caches it. It is written down, not computed,
// because computing SHA-1 panics in programs that run with GODEBUG=fips140=only;
// a test compares.
type script struct {
	n    int // place in Store.cached
	text string
	sha  string
}

const scripts = 5

var (
	//go:embed lua/swap.lua
	swapText string
	//go:embed lua/delete.lua
	deleteText string
	//go:embed lua/touch.lua
	touchText string
	//go:embed lua/load.lua
	loadText string
	//go:embed lua/create.lua
	createText string

	swapScript   = script{0, swapText, "10e890bebc0a9f339eaf3eb6d6bd333309c87518"}
	deleteScript = script{1, deleteText, "ce13dc53095ef706c18f37333543762ff09ebdc0"}
	touchScript  = script{2, touchText, "3d65c5b57590f9bffbcf6ced4416cd3f19933da4"}
	loadScript   = script{3, loadText, "ee7d7d50bcd1d8ec4a4b9e6b7b89b863bec25a71"}
	createScript = script{4, createText, "2ac37a9174ba6e7c86881596adab4dd552bce0b4"}
)

// run executes a script. The text is sent until the script has succeeded once,
// so that the first use costs no NOSCRIPT and a second command; Redis caches it
// with that. A Redis that lost its cache (restart, fail-over, SCRIPT FLUSH) says
// NOSCRIPT, having done nothing, and gets the text again. Nothing else is
// repeated: a script writes.
func (s *Store) run(ctx context.Context, sc script, key string, args ...string) (rueidis.RedisMessage, error) {
	if s.cached[sc.n].Load() {
		m, err := s.do(ctx, func(b rueidis.Builder) rueidis.Completed {
			return b.Evalsha().Sha1(sc.sha).Numkeys(1).Key(key).Arg(args...).Build()
		})
		if re := (*rueidis.RedisError)(nil); !errors.As(err, &re) || !re.IsNoScript() {
			return m, err
		}
		s.cached[sc.n].Store(false)
	}
	m, err := s.do(ctx, func(b rueidis.Builder) rueidis.Completed {
		return b.Eval().Script(sc.text).Numkeys(1).Key(key).Arg(args...).Build()
	})
	if err == nil || rueidis.IsRedisNil(err) {
		s.cached[sc.n].Store(true)
	}
	return m, err
}
