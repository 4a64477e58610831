package sojourn

// A Key is the name of a value together with its type:
//
//	var Cart = sojourn.Key[[]Item]("cart")
//
// A stored value that cannot be read as a T, because the type has changed
// since it was stored, gives a [*ValueError] on this key alone; Set and Delete
// still work on it.
//
// To alter a slice in place, as one alters a map, make T a pointer to it.
type Key[T any] string

// Get returns the value, the zero T if there is none.
func (k Key[T]) Get(s *Session) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, _, err := get[T](s.now, string(k))
	return v, err
}

// Has reports whether there is a value.
func (k Key[T]) Has(s *Session) bool { return s.Has(string(k)) }

// Set stores v; see [Session.Set].
func (k Key[T]) Set(s *Session, v T) { s.Set(string(k), v) }

// SetDefault returns the value, after setting it to v if there was none.
func (k Key[T]) SetDefault(s *Session, v T) (T, error) { return setDefaultValue(s, string(k), v) }

// Update replaces the value, the zero T if there is none, by what fn makes of
// it, and returns that. Nothing is lost between requests: if another one has
// changed the session by the time it is saved, fn runs again on the value that
// is stored then. So fn must do nothing but compute, must not use the session,
// and its first result is not final: who needs the value that was stored calls
// [Session.Save] and then Get.
func (k Key[T]) Update(s *Session, fn func(T) T) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var result T
	err := s.now.do(func(c *contents) (err error) {
		result, err = update(c, string(k), fn)
		return err
	})
	return result, err
}

// Pop returns the value, the zero T if there is none, and removes it.
func (k Key[T]) Pop(s *Session) (T, error) { return pop[T](s, string(k)) }

// Delete removes the value, if there is one.
func (k Key[T]) Delete(s *Session) { s.Delete(string(k)) }
