package storetest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/sojourn-go/sojourn"
)

const idCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:+/="

var contentCases = []testCase{
	{
		name: "data",
		rule: "Data comes back byte by byte, whatever it is.",
		run: func(p *probe) {
			all := make([]byte, 256)
			for i := range all {
				all[i] = byte(i)
			}
			for name, data := range map[string]string{
				"every byte":    string(all),
				"invalid UTF-8": "\xff\xfe\xc3\x28",
				"line ends":     "\r\n\n\r$1\r\n",
				"NUL":           "\x00",
				"NUL at an end": "a\x00\x00",
				"empty":         "",
				"number":        "007",
				"spaces":        "  a  ",
			} {
				id, rec := p.created(data, long)
				got, err := p.store.Load(p.ctx, id, long)
				if err != nil {
					p.fatalf("%s: Load: %v", name, err)
				}
				p.same("the loaded record: "+name, got, rec)

				// Swap and ErrChanged take the bytes other ways.
				old := newRecord("old")
				id = newID()
				p.create(id, old, long)
				p.swap(id, old, rec, long)
				cur, err := p.store.Swap(p.ctx, id, old, newRecord("new"), long)
				p.changed("Swap ("+name+")", cur, err, rec)
				p.holds(id, rec, sojourn.Keep)
			}
		},
	},
	{
		name: "no data",
		rule: "A record without data is a record.",
		run: func(p *probe) {
			id, rec := newID(), newRecord("")
			rec.Data = nil
			p.create(id, rec, long)
			p.holds(id, rec, long)
			p.fails("Create on top of it", p.store.Create(p.ctx, id, newRecord("two"), long), sojourn.ErrExists)
			p.swap(id, rec, newRecord(""), long)
		},
	},
	{
		name: "large data",
		rule: "A record of 1 MiB is stored whole.",
		run: func(p *probe) {
			data := []byte(strings.Repeat("0123456789abcdef", 1<<16))
			for i := range data {
				data[i] ^= byte(i >> 12) // so that no two pages are equal
			}
			id, first := p.created(string(data), long)
			p.holds(id, first, long)
			second := newRecord(string(data[1:]))
			p.swap(id, first, second, long)
			p.holds(id, second, sojourn.Keep)
		},
	},
	{
		name: "ids",
		rule: "Different ids name different records; letters differ by case, and an id may be the beginning of another.",
		run: func(p *probe) {
			var ids []string
			for _, c := range idCharacters {
				ids = append(ids, string(c), "x"+string(c)+"x")
			}
			for n := 2; n <= 200; n += 33 {
				ids = append(ids, strings.Repeat("p", n))
			}
			ids = append(ids, idCharacters, strings.Repeat(idCharacters, 3)[:200], "..", "../x", "a:b", "a:b:c", "==")
			records := make(map[string]*sojourn.Record)
			for _, id := range ids {
				if _, ok := records[id]; ok {
					continue
				}
				rec := newRecord("for " + id)
				if err := p.store.Create(p.ctx, id, copyOf(rec), long); err != nil {
					p.fatalf("Create under the free id %q: %v", id, err)
				}
				records[id] = rec
			}
			check := func() {
				for id, rec := range records {
					got, err := p.store.Load(p.ctx, id, sojourn.Keep)
					if err != nil {
						p.fatalf("Load of %q: %v", id, err)
					}
					p.same(fmt.Sprintf("the record under %q", id), got, rec)
				}
			}
			check()
			// Deleting some must leave the others.
			for i, id := range ids {
				if rec, ok := records[id]; ok && i%2 == 0 {
					if _, err := p.store.Delete(p.ctx, id, rec); err != nil {
						p.fatalf("Delete of %q: %v", id, err)
					}
					delete(records, id)
				}
			}
			check()
		},
	},
	{
		name: "immutable",
		rule: "The store alters neither the records it is given nor those it has returned.",
		run: func(p *probe) {
			type pair struct{ rec, before *sojourn.Record }
			var pairs []pair
			keep := func(rec *sojourn.Record) *sojourn.Record {
				if rec != nil {
					pairs = append(pairs, pair{rec, copyOf(rec)})
				}
				return rec
			}
			id := newID()
			first, second, third := keep(newRecord("one")), keep(newRecord("two")), keep(newRecord("3"))
			if err := p.store.Create(p.ctx, id, first, long); err != nil {
				p.fatalf("Create: %v", err)
			}
			loaded, err := p.store.Load(p.ctx, id, 2*long)
			if err != nil {
				p.fatalf("Load: %v", err)
			}
			got, err := p.store.Swap(p.ctx, id, keep(loaded), second, long)
			if err != nil {
				p.fatalf("Swap: %v", err)
			}
			keep(got)
			cur, err := p.store.Swap(p.ctx, id, first, third, long)
			p.changed("Swap", keep(cur), err, second)
			p.swap(id, cur, third, sojourn.Never)
			if _, err := p.store.Delete(p.ctx, id, third); err != nil {
				p.fatalf("Delete: %v", err)
			}
			p.created("one more, in case a buffer is used again", long)
			for _, x := range pairs {
				if !bytes.Equal(x.rec.Data, x.before.Data) || x.rec.Version != x.before.Version ||
					!x.rec.Expires.Equal(x.before.Expires) {
					p.errorf("a record was altered: now %+v, before %+v", x.rec, x.before)
				}
			}
		},
	},
}
