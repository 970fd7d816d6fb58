package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"runtime/debug"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/handlers"
	"github.com/keydesk/keydesk/verify"
	"github.com/keydesk/keydesk/views"
)

type serveCmd struct {
	databaseFlags
	secretFlags
	anchorFlags
	webFlags
	Demo bool `help:"Serve made-up people and keys in a throw-away database, on loopback only."`
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
	listeners, err := c.listen(ctx)
	if err != nil {
		return err
	}
	defer func() { listeners.close() }() // they are already, unless something failed before they served
	settings, err := c.parse(listeners.outer.Addr().String())
	if err != nil {
		return err
	}
	if db.IsPostgres(c.Database) {
		listeners.close() // until this instance knows all keys, others answer
	}
	keys := verify.NewTable()
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	d, accounts, closeDB, err := c.open(ctx, settings.keys, keys, log, lose)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDB()) }()
	if err := refuseMadeUp(ctx, d, settings.local && c.insideLocal()); err != nil {
		return err
	}
	if db.IsPostgres(c.Database) {
		if listeners, err = listeners.again(ctx); err != nil {
			return err
		}
	}
	spareMemory()
	uses := &verify.Uses{}
	app, err := handlers.New(handlers.Config{
		DB: d, Keys: keys, Uses: uses, Log: log, BaseURL: settings.base, KeyPrefix: c.KeyPrefix, Limits: settings.limits,
		FreshProof: settings.fresh, AdminPasskeys: c.AdminPasskeys,
		Proxies: settings.proxies, Local: settings.local && !c.InsecureHTTP, Demo: accounts, Version: moduleVersion(),
	})
	if err != nil {
		return err
	}
	welcome, err := c.welcome(ctx, d, settings.base, listeners, accounts)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprint(std.out, welcome) // a closed terminal does not matter
	settings.warn(log)
	if !c.Demo {
		warnOfOpenSecret(c.path(c.databaseFlags), log)
	}
	saved := keepUses(ctx, useKeeper{db: d, uses: uses, flushed: app.Flushed, log: log})
	stopped := doHourly(ctx, d, settings.keep, log)
	err = listeners.limit(settings.proxies, app.PageHeaders(), log).serve(ctx, app, log)
	stopped()
	return errors.Join(err, saved(), lostBy(ctx))
}

// lostBy returns why the desk could not go on, if that is why it ends.
func lostBy(ctx context.Context) error {
	if err := context.Cause(ctx); errors.Is(err, db.ErrNewer) || errors.Is(err, db.ErrWentBack) {
		return err
	}
	return nil
}

// spareMemory has garbage collected when it is a quarter of what is in use. Most of that is the table of keys, in which
// the collector has nothing to look at, so that collecting often costs little. GOGC goes before.
func spareMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
}

// check refuses wrong settings before anything is opened.
func (c *serveCmd) check() error {
	settings, err := c.parse(c.Addr)
	if err == nil && !c.Demo {
		err = errors.Join(c.databaseFlags.check(), c.secretFlags.check(c.databaseFlags), c.anchorFlags.check(c.databaseFlags))
	}
	if err == nil && c.Demo && (!settings.local || !c.insideLocal()) {
		err = fmt.Errorf("--demo is served on loopback only, not on %s at %s: everybody knows its passwords", c.Addr, settings.base)
	}
	return err
}

// open opens the database, or makes that of the demo, and has the table know its keys. lost is called when it no longer can.
func (c *serveCmd) open(ctx context.Context, limits access.KeyLimits, keys *verify.Table, log *slog.Logger, lost func(error)) (
	d *db.DB, accounts []views.DemoAccount, closeDB func() error, err error,
) {
	if c.Demo {
		return openDemo(ctx, limits, keys.Note)
	}
	d, err = openDatabase(ctx, c.databaseFlags, c.secretFlags, c.anchorFlags, db.Options{
		Limits: limits, Tell: keys.Note, Notice: func(sentence string) { log.Warn(sentence) },
		Log: func(k access.KeyChange) {
			log.Info("key changed", "change", k.Number, "key", k.KeyID, "user", k.UserID, "status", k.Status,
				"request", k.Request)
		},
		Stopped: func(err error) {
			log.Error("nothing is written any more", "meanwhile", "verify goes on", "error", err)
		},
	})
	if err != nil {
		return nil, nil, nil, err
	}
	stop, err := follow(ctx, d, keys, log, lost)
	if err == nil {
		err = d.ShareLock()
	}
	if err != nil {
		return nil, nil, nil, errors.Join(err, d.Close())
	}
	return d, nil, func() error {
		stop()
		return d.Close()
	}, nil
}

// welcome returns what says where the desk is, with the accounts of a demo. While there is no user it issues a set-up
// link, which ends any former one, and says that too.
func (c *serveCmd) welcome(ctx context.Context, d *db.DB, base *url.URL, l listeners, accounts []views.DemoAccount) (string, error) {
	some, err := d.AnyUser(ctx)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("Keydesk is ready at %s\n", base) + l.told()
	for _, a := range accounts {
		text += fmt.Sprintf("  sign in as %-6s with password %s (%s)\n", a.UserID, a.Password, a.Role)
	}
	if !some {
		token := access.NewToken()
		if err := d.IssueSetUpLink(ctx, access.HashToken(token)); err != nil {
			return "", err
		}
		text += "Nobody can sign in yet. Open this link within 24 hours to make the first administrator; it works once:\n  " +
			handlers.SetUpURL(base, token) + "\n"
	}
	return text, nil
}
