package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/views"
)

const demoPassword = "keydesk demo desk"

func demoAccounts() []views.DemoAccount {
	return []views.DemoAccount{
		{UserID: "alice", Password: demoPassword, Role: "A user with keys"},
		{UserID: "newton", Password: demoPassword, Role: "A user without a key yet"},
		{UserID: "admin", Password: demoPassword, Role: "An administrator"},
	}
}

// openDemo makes the throw-away database of a demo. Call discard when it is over.
func openDemo(ctx context.Context, limits access.KeyLimits, tell func(access.KeyChange)) (d *db.DB, accounts []views.DemoAccount, discard func() error, err error) {
	dir, err := os.MkdirTemp("", "keydesk-demo-")
	if err != nil {
		return nil, nil, nil, fmt.Errorf("demo: %w", err)
	}
	root, err := access.ParseRootSecret(access.NewRootSecret())
	if err != nil {
		return nil, nil, nil, fmt.Errorf("demo: %w", err)
	}
	s := &demo{random: rand.New(rand.NewPCG(1, 2))} // the same story each time
	s.db, err = db.Open(ctx, db.Options{
		Database: filepath.Join(dir, "keydesk.db"),
		Root:     func(bool) (access.RootSecret, error) { return root, nil },
		Tell:     tell, Limits: limits,
		Now: func() time.Time { return time.Now().Add(-s.ago) },
	})
	if err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("demo: %w", err), os.RemoveAll(dir))
	}
	discard = func() error { return errors.Join(s.db.Close(), os.RemoveAll(dir)) }
	if err = s.play(ctx); err == nil {
		err = s.db.MergeUses(ctx)
	}
	if err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("demo: %w", err), discard())
	}
	return s.db, demoAccounts(), discard, nil
}
