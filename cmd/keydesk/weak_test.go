package main

import (
	"context"
	"os"

	"modernc.org/sqlite"

	"github.com/keydesk/keydesk/db/disktest"
)

// What makes the program, run by a test, weaker than it is.
const (
	synchronous = "KEYDESK_TEST_SYNCHRONOUS"  // what SQLite waits for, in the place of FULL
	neverSynced = "KEYDESK_TEST_NEVER_SYNCED" // the path of a database whose disk fails at each sync of a change
)

// weaken does so where the environment says it.
func weaken() {
	if level := os.Getenv(synchronous); level != "" {
		sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, _ string) error {
			_, err := conn.ExecContext(context.Background(), "PRAGMA synchronous="+level, nil)
			return err
		})
	}
	if database := os.Getenv(neverSynced); database != "" {
		disktest.Install()
		// The first sync is that of a new log's head.
		disktest.Begin(database, disktest.Fault{Op: disktest.Sync, File: "-wal", Nth: 2, As: disktest.EIO, On: true})
	}
}
