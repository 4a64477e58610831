package main_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
)

// The second promise: two requests that change the same session at once both
// keep their changes.

func TestContractThousandIncrements(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		v := b.start(t).visitor()
		v.put(t, "n", `0`)
		const n = 1000
		got := make([]int, n)
		err := parallel(64, n, func(i int) (err error) {
			got[i], err = v.tryIncrement("n", "?hold=10ms")
			return err
		})
		if err != nil {
			t.Fatalf("a thousand parallel increments all succeed: %v", err)
		}
		wantOneTo(t, n, got, "a thousand parallel increments get a thousand different answers")
		v.wantValue(t, "n", "1000", "a thousand increments add a thousand")
	})
}

func (v *visitor) tryIncrement(key, query string) (int, error) {
	a, err := v.try("POST", "/api/values/"+key+"/increment"+query, "")
	if err != nil {
		return 0, err
	}
	if a.status != 200 {
		return 0, a.err()
	}
	return a.number()
}

func TestContractTwoProcessesIncrementOneSession(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	one := b.start(t).visitor()
	one.put(t, "n", `0`)
	two := b.start(t).visitorWith(one.jar())
	const n = 400
	got := make([]int, n)
	err := parallel(32, n, func(i int) (err error) {
		v := one
		if i%2 == 1 {
			v = two
		}
		got[i], err = v.tryIncrement("n", "?hold=5ms")
		return err
	})
	if err != nil {
		t.Fatalf("increments of two processes all succeed: %v", err)
	}
	wantOneTo(t, n, got, "increments of two processes get different answers")
	one.wantValue(t, "n", strconv.Itoa(n), "no update is lost between processes")
}

func TestContractParallelChangesAreAllKept(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		d := b.start(t)
		for _, row := range []struct {
			name  string
			query string
			send  func(v *visitor, i int, query string) (answer, error)
			count func(s session, a answer) (int, error)
		}{
			{"50 PUTs of different keys", "?hold=250ms", func(v *visitor, i int, query string) (answer, error) {
				return v.try("PUT", fmt.Sprintf("/api/values/key%d%s", i, query), strconv.Itoa(i))
			}, func(s session, _ answer) (n int, err error) {
				for i := range 50 {
					if s.Values["key"+strconv.Itoa(i)] != float64(i) {
						err = errors.Join(err, fmt.Errorf("key%d is %v", i, s.Values["key"+strconv.Itoa(i)]))
						continue
					}
					n++
				}
				return n, err
			}},
			{"50 lists appended to in place", "?hold=250ms", func(v *visitor, i int, query string) (answer, error) {
				return v.try("POST", fmt.Sprintf("/api/values/list%d/append%s", i, query), strconv.Itoa(i))
			}, func(s session, _ answer) (n int, err error) {
				for i := range 50 {
					if got := jsonOf(s.Values["list"+strconv.Itoa(i)]); got != fmt.Sprintf("[%d]", i) {
						err = errors.Join(err, fmt.Errorf("list%d is %s", i, got))
						continue
					}
					n++
				}
				return n, err
			}},
			{"50 elements appended in place to one list", "?hold=250ms", func(v *visitor, i int, query string) (answer, error) {
				return v.try("POST", "/api/values/list/append"+query, strconv.Itoa(i))
			}, func(s session, _ answer) (int, error) {
				list, _ := s.Values["list"].([]any)
				different := map[any]bool{}
				for _, v := range list {
					different[v] = true
				}
				return len(different), nil
			}},
			{"50 flash messages in one queue", "&hold=250ms", func(v *visitor, i int, query string) (answer, error) {
				return v.try("POST", "/api/flash?x=1"+query, fmt.Sprintf(`{"message":"m%d","queue":"q","allow_duplicate":true}`, i))
			}, func(_ session, a answer) (int, error) {
				var m messages
				err := a.decode(&m)
				different := map[any]bool{}
				for _, text := range m.Messages {
					different[text] = true
				}
				return len(different), err
			}},
		} {
			v := d.visitor()
			v.put(t, "first", `"here"`)
			err := parallel(50, 50, func(i int) error {
				a, err := row.send(v, i, row.query)
				if err == nil && a.status >= 300 {
					err = a.err()
				}
				return err
			})
			if err != nil {
				t.Errorf("%s all succeed: %v", row.name, err)
			}
			s := v.session(t)
			n, err := row.count(s, v.must(t, 200, "GET", "/api/flash?queue=q", ""))
			if n != 50 {
				t.Errorf("%s are all kept: %d are: %v", row.name, n, err)
			}
			if s.Values["first"] != "here" {
				t.Errorf("%s leave other values alone: %v", row.name, s.Values["first"])
			}
		}
	})
}

func TestContractParallelDeletesAndPutsDoNotUndoEachOther(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		v := b.start(t).visitor()
		for i := range 20 {
			v.put(t, "old"+strconv.Itoa(i), `1`)
		}
		err := parallel(40, 40, func(i int) error {
			method, key, body := "PUT", "new"+strconv.Itoa(i/2), `2`
			if i%2 == 0 {
				method, key, body = "DELETE", "old"+strconv.Itoa(i/2), ""
			}
			a, err := v.try(method, "/api/values/"+key+"?hold=100ms", body)
			if err == nil && a.status != 204 {
				err = a.err()
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		s := v.session(t)
		for i := range 20 {
			if _, ok := s.Values["old"+strconv.Itoa(i)]; ok {
				t.Errorf("what one request deletes another does not bring back: old%d", i)
			}
			if s.Values["new"+strconv.Itoa(i)] != 2.0 {
				t.Errorf("what one request stores another does not drop: new%d", i)
			}
		}
	})
}

func TestContractParallelLates(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, b backend) {
		v := b.start(t).visitor()
		v.put(t, "late", `0`)
		err := parallel(20, 20, func(int) error {
			a, err := v.try("GET", "/api/late?hold=50ms", "")
			if err == nil && a.status != 200 {
				err = a.err()
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		eventually(t, "changes after the first byte are not lost either", func() error {
			a, err := v.try("GET", "/api/values/late", "")
			if err == nil && (a.status != 200 || !sameJSON(a.body, "20")) {
				err = a.err()
			}
			return err
		})
	})
}

// Two browsers of one person, two windows of one browser: whoever comes late
// with a first save makes a session of their own, and nobody loses what was
// acknowledged under their own cookie.
func TestContractParallelFirstSaves(t *testing.T) {
	t.Parallel()
	b := onRedis(t)
	d := b.start(t)
	visitors := make([]*visitor, 20)
	for i := range visitors {
		visitors[i] = d.visitor()
	}
	err := parallel(20, 20, func(i int) error {
		a, err := visitors[i].try("PUT", "/api/values/me?hold=50ms", strconv.Itoa(i))
		if err == nil && a.status != 204 {
			err = a.err()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range visitors {
		v.wantValue(t, "me", strconv.Itoa(i), "each first save makes a session of its own")
	}
	b.wantKeys(t, 20, "each first save makes a session of its own")
}
