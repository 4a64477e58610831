package redisstore_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn/redisstore"
)

func ExampleDial() {
	store, err := redisstore.Dial("redis://localhost:6379/0")
	if err != nil {
		log.Fatal(err) // a wrong URL or password; not that Redis is down
	}
	defer store.Close()
}

func ExampleDialWith() {
	store, err := redisstore.DialWith("redis://localhost:6379/0", &redisstore.Options{Prefix: "shop:"})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
}

// A client for Cluster, made and closed by the program.
func ExampleNew() {
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress:  []string{"redis-1:6379", "redis-2:6379"},
		DisableCache: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	store, err := redisstore.New(client, nil)
	if err != nil {
		log.Fatal(err)
	}
	_ = store
}

// A program may start before Redis does.
func ExampleStore_Ping() {
	store, err := redisstore.Dial("redis://127.0.0.1:1") // nobody listens there
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	fmt.Println("ready:", store.Ping(ctx) == nil)
	// Output: ready: false
}
