package sojourn

import (
	"bytes"
	"slices"
)

// flashPrefix and csrfKey are where Pyramid's session libraries keep them.
const (
	flashPrefix = "_f_"
	csrfKey     = "_csrft_"
)

// Flash adds a message, of any type that the [Codec] can carry, to a queue
// that is read once: usually by the next page. The queue "" is the usual one.
// The error is a [*ValueError]: the message cannot be encoded, or what is
// stored is no queue.
func (s *Session) Flash(queue string, message any) error {
	return s.flash(queue, message, true)
}

// FlashOnce is [Session.Flash], unless an equal message waits in the queue.
func (s *Session) FlashOnce(queue string, message any) error {
	return s.flash(queue, message, false)
}

func (s *Session) flash(queue string, message any, duplicate bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := flashPrefix + queue
	return s.now.do(func(c *contents) error {
		enc, err := c.marshal(key, message)
		if err != nil {
			return err
		}
		queued, _, err := get[[]any](c, key)
		if err != nil {
			return err
		}
		if !duplicate {
			if i, err := c.index(key, queued, enc); i >= 0 || err != nil {
				return err
			}
		}
		c.put(key, &value{v: append(slices.Clip(queued), message)})
		return nil
	})
}

// PeekFlash returns the messages of a queue and leaves them there.
func (s *Session) PeekFlash(queue string) ([]any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	queued, _, err := get[[]any](s.now, flashPrefix+queue)
	return slices.Clone(queued), err
}

// PopFlash returns the messages of a queue and removes them. Messages that
// another request adds meanwhile stay in the queue.
func (s *Session) PopFlash(queue string) ([]any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := flashPrefix + queue
	popped, ok, err := get[[]any](s.now, key)
	if err != nil || !ok {
		return nil, err
	}
	var encoded [][]byte
	for _, message := range popped {
		enc, err := s.now.marshal(key, message)
		if err != nil {
			return nil, err
		}
		encoded = append(encoded, enc)
	}
	err = s.now.do(func(c *contents) error {
		queued, _, err := get[[]any](c, key)
		if err != nil {
			return err
		}
		rest := slices.Clone(queued)
		for _, enc := range encoded {
			i, err := c.index(key, rest, enc)
			if err != nil {
				return err
			}
			if i >= 0 {
				rest = slices.Delete(rest, i, i+1)
			}
		}
		if len(rest) == 0 {
			c.remove(key)
		} else {
			c.put(key, &value{v: rest})
		}
		return nil
	})
	return slices.Clone(popped), err
}

// index finds the message with the given encoding.
func (c *contents) index(key string, messages []any, enc []byte) (int, error) {
	for i, message := range messages {
		e, err := c.marshal(key, message)
		if err != nil {
			return -1, err
		}
		if bytes.Equal(e, enc) {
			return i, nil
		}
	}
	return -1, nil
}
