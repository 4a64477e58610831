package sojourn

import (
	"bytes"
	"reflect"
	"slices"
)

// alter replays an alteration in place, from before to after, on a value that
// another request may have changed too. Both changes are kept where they can
// be: entries of maps that were set or removed, elements that were appended to
// lists, at any depth. What cannot be merged is set, so that the last one wins.
func (c *contents) alter(key string, before, after []byte) error {
	if v, touched := c.live[key]; touched {
		if err := c.settleValue(key, v); err != nil {
			return err
		}
		delete(c.live, key)
	}
	if theirs, ok := c.raw[key]; ok && !bytes.Equal(theirs, before) {
		after = c.merge(before, after, theirs)
	}
	c.store(key, after)
	return nil
}

func (c *contents) merge(before, after, theirs []byte) []byte {
	b, ok1 := c.untyped(before)
	a, ok2 := c.untyped(after)
	t, ok3 := c.untyped(theirs)
	if !ok1 || !ok2 || !ok3 {
		return after
	}
	merged, err := c.codec.Marshal(merge(b, a, t))
	if err != nil {
		return after
	}
	return merged
}

// untyped decodes a value without its type, if nothing is lost by that.
func (c *contents) untyped(enc []byte) (v any, ok bool) {
	if err := c.codec.Unmarshal(enc, &v); err != nil {
		return nil, false
	}
	again, err := c.codec.Marshal(v)
	return v, err == nil && bytes.Equal(again, enc)
}

func merge(before, after, theirs any) any {
	switch a := after.(type) {
	case map[string]any:
		if b, t, ok := same(a, before, theirs); ok {
			return mergeMaps(b, a, t)
		}
	case map[any]any:
		if b, t, ok := same(a, before, theirs); ok {
			return mergeMaps(b, a, t)
		}
	case []any:
		b, t, ok := same(a, before, theirs)
		if ok && len(a) >= len(b) && slices.EqualFunc(a[:len(b)], b, equal) {
			return append(t, a[len(b):]...)
		}
	}
	return after
}

// same returns before and theirs if they are of the type of after. A nil map or
// slice was encoded as nil.
func same[T any](_ T, before, theirs any) (b, t T, ok bool) {
	b, ok1 := before.(T)
	t, ok2 := theirs.(T)
	return b, t, (ok1 || before == nil) && ok2
}

func mergeMaps[K comparable](before, after, theirs map[K]any) map[K]any {
	for k, a := range after {
		b, had := before[k]
		if had && equal(a, b) {
			continue // not ours
		}
		if t, has := theirs[k]; had && has {
			a = merge(b, a, t)
		}
		theirs[k] = a
	}
	for k := range before {
		if _, has := after[k]; !has {
			delete(theirs, k)
		}
	}
	return theirs
}

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }
