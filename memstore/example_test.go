package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// A store for at most a thousand sessions. Programs hand it to a Manager; the
// methods are called here only to show the limit.
func Example() {
	store, err := memstore.New(&memstore.Options{MaxSessions: 1000})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	ctx := context.Background()
	for i := range 1001 {
		rec := &sojourn.Record{Data: []byte("hello")}
		err := store.Create(ctx, fmt.Sprint("session ", i), rec, 30*time.Minute)
		if errors.Is(err, memstore.ErrFull) {
			fmt.Println(store.Len(), "sessions, and then:", err)
		}
	}
	// Output:
	// 1000 sessions, and then: memstore: the store is full: Options.MaxSessions is 1000
}
