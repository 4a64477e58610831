package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/internal/demo"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/redisstore"
)

func runDemo(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parseDemo(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, demoUsage)
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "sojourn demo: %v\nRun \"sojourn demo --help\" for its flags.\n", err)
		return exitUsage
	}
	store, closeStore, err := openStore(c)
	if err != nil {
		fmt.Fprintf(stderr, "sojourn demo: --store: %v\n", err)
		return exitUsage
	}
	defer closeStore()
	if err := serve(ctx, c, store, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "sojourn demo: %v\n", err)
		return exitFailure
	}
	return exitOK
}

func openStore(c *demoConfig) (sojourn.Store, func(), error) {
	if c.store == "memory" {
		store, err := memstore.New(nil)
		if err != nil {
			return nil, nil, err
		}
		return store, func() { _ = store.Close() }, nil
	}
	store, err := redisstore.DialWith(c.store, &redisstore.Options{Prefix: c.prefix, NoPrefix: c.prefix == ""})
	if err != nil {
		return nil, nil, err
	}
	return store, store.Close, nil
}

// serve answers until ctx ends, and then the requests that are under way.
func serve(ctx context.Context, c *demoConfig, store sojourn.Store, stdout, stderr io.Writer) error {
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	secret := c.secret
	if secret == "" {
		secret = rand.Text() + rand.Text()
	}
	name := "Redis"
	if c.store == "memory" {
		name = "the memory of this process"
	}
	stop := make(chan struct{})
	app, err := demo.New(store, secret, demo.Options{
		Sessions:  c.options(),
		StoreName: name,
		Stop:      stop,
		Logger:    logger,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	announce(stdout, c, name, listener.Addr())

	server := &http.Server{
		Handler:           app,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	server.RegisterOnShutdown(func() { close(stop) })
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close()
		return fmt.Errorf("requests were cut off: %w", err)
	}
	fmt.Fprintln(stdout, "stopped")
	return nil
}

// announce says what somebody who tries it has to know, the address last.
func announce(w io.Writer, c *demoConfig, store string, addr net.Addr) {
	fmt.Fprintf(w, "sessions are kept in %s\n", store)
	switch {
	case c.secret == "":
		fmt.Fprintln(w, "made a secret for this run: sessions end with it; give one with --secret")
	case len(c.secret) < 16:
		fmt.Fprintf(w, "WARNING: --secret has %d bytes, which whoever holds one cookie can guess; in production use 32 random ones\n", len(c.secret))
	}
	if c.loopback() {
		fmt.Fprintln(w, "the cookie travels over plain HTTP, as only this machine can connect; in production keep it Secure, which is the default")
	} else {
		fmt.Fprintln(w, "WARNING: other machines can connect, so the cookie is Secure: browsers keep it only with HTTPS in front of this address")
	}
	fmt.Fprintf(w, "listening on http://%s\n", addr)
}
