package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
)

var (
	errClosed  = fmt.Errorf("%w: the store is closed", sojourn.ErrNotSent)
	errMixedUp = errors.New("the answer belongs to another command; whether this one took effect is unknown")

	// errGivenUp stands for a context's error that is not that of this call:
	// rueidis hands it to all who waited on a connection that one of them gave up.
	errGivenUp = errors.New("the connection was given up before the answer came")
)

// failed makes the error of a method. id is what must not be in it.
func failed(method, id string, err error) error {
	if re := (*rueidis.RedisError)(nil); errors.As(err, &re) {
		msg, whole := reply(re.Error(), id)
		if !whole {
			return fmt.Errorf("redisstore: %s: Redis answered %s", method, msg)
		}
		return fmt.Errorf("redisstore: %s: Redis answered %w", method, err)
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" && !errors.Is(err, sojourn.ErrNotSent) {
		return fmt.Errorf("redisstore: %s: %w: %w", method, sojourn.ErrNotSent, err)
	}
	return fmt.Errorf("redisstore: %s: %w", method, err)
}

// reply returns what may be shown of an error that Redis answered with, and
// whether that is all of it. To an unknown command Redis answers with its
// arguments, which are the id, the data, or the password.
func reply(msg, id string) (shown string, whole bool) {
	shown, _, _ = strings.Cut(msg, ", with args")
	if id != "" && strings.Contains(shown, id) {
		shown, _, _ = strings.Cut(shown, " ")
		if strings.Contains(shown, id) {
			shown = "an error"
		}
	}
	whole = shown == msg
	if strings.HasPrefix(strings.TrimPrefix(msg, "ERR "), "unknown command") {
		shown += " (needed are Redis 6.2 and its scripts)"
		whole = false
	}
	return shown, whole
}

// ours replaces a context's error by errGivenUp unless it is the one of ctx.
func ours(ctx context.Context, err error) error {
	switch {
	case err == nil, ctx.Err() != nil:
		return err
	case errors.Is(err, context.Canceled):
	case errors.Is(err, context.DeadlineExceeded):
		// The deadline of the connection may fire just before that of ctx.
		if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
			return err
		}
	default:
		return err
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%w: connecting took too long", sojourn.ErrNotSent)
	}
	return errGivenUp
}

// broken says whether err came from the connection, not from Redis or ctx.
func broken(ctx context.Context, err error) bool {
	re := (*rueidis.RedisError)(nil)
	return err != nil && ctx.Err() == nil && !errors.As(err, &re) && !rueidis.IsParseErr(err) &&
		!errors.Is(err, errClosed) && !errors.Is(err, context.DeadlineExceeded)
}
