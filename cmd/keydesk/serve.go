package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/handlers"
	"github.com/keydesk/keydesk/views"
)

const drainTime = 10 * time.Second // for the requests under way at the end

type serveCmd struct {
	databaseFlags
	secretFlags
	webFlags
	Demo bool `help:"Serve made-up people and keys from a throw-away database, on loopback only."`
}

// Run serves until ctx is done, then drains and writes down what was used.
func (c *serveCmd) Run(ctx context.Context, std stdio) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	log, err := newLog(std.err, c.LogLevel)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, c.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // closed already, unless something failed before it served
	settings, err := c.parse(listener.Addr().String())
	if err != nil {
		return err
	}
	d, accounts, closeDB, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDB()) }()
	uses := &access.Uses{}
	app, err := handlers.New(handlers.Config{
		DB: d, Uses: uses, Log: log, BaseURL: settings.base, KeyPrefix: c.KeyPrefix, Limits: settings.limits, Demo: accounts,
	})
	if err != nil {
		return err
	}
	if err := c.welcome(ctx, std, d, settings.base, accounts); err != nil {
		return err
	}
	saved := keepUses(ctx, d, uses, log)
	return errors.Join(serveUntilDone(ctx, app, listener, log), saved())
}

// check refuses wrong settings before anything is opened.
func (c *serveCmd) check() error {
	settings, err := c.parse(c.Addr)
	if err == nil {
		err = c.databaseFlags.check()
	}
	if err == nil && c.Demo && !settings.local {
		err = fmt.Errorf("--demo is served on loopback only, not on %s at %s: everybody knows its passwords", c.Addr, settings.base)
	}
	return err
}

// open opens the database, or makes that of the demo.
func (c *serveCmd) open(ctx context.Context, log *slog.Logger) (*db.DB, []views.DemoAccount, func() error, error) {
	if c.Demo {
		return openDemo(ctx)
	}
	d, err := openDatabase(ctx, c.databaseFlags, c.secretFlags, func(k access.KeyChange) {
		log.Info("key changed", "change", k.Number, "key", k.KeyID, "user", k.UserID, "status", k.Status)
	})
	if err != nil {
		return nil, nil, nil, err
	}
	return d, nil, d.Close, nil
}

// welcome says where the desk is and who can sign in.
func (c *serveCmd) welcome(ctx context.Context, std stdio, d *db.DB, base *url.URL, accounts []views.DemoAccount) error {
	some, err := d.AnyUser(ctx)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(std.out, "Keydesk is ready at %s\n", base) // a closed terminal does not matter
	for _, a := range accounts {
		_, _ = fmt.Fprintf(std.out, "  sign in as %-6s with password %s (%s)\n", a.UserID, a.Password, a.Role)
	}
	if !some {
		_, _ = fmt.Fprintf(std.out, "Nobody can sign in yet. Stop it and add an administrator: "+
			"keydesk user add USER-ID --role admin --password-stdin --database %s\n", c.Database)
	}
	return nil
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another program; choose another with --addr, such as --addr 127.0.0.1:8081 "+
			"(make run ADDR=127.0.0.1:8081)", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("--addr %s: %w", addr, err)
	}
	return listener, nil
}

// serveUntilDone serves until ctx is done, then lets the requests under way end.
func serveUntilDone(ctx context.Context, app *handlers.App, listener net.Listener, log *slog.Logger) error {
	server := &http.Server{
		Handler:           app,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,

		DisableGeneralOptionsHandler: true, // OPTIONS * gets our headers too
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("draining")
	drained, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := server.Shutdown(drained); err != nil {
		return errors.Join(fmt.Errorf("drain: %w", err), server.Close())
	}
	return nil
}
