package pgtest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestCommittedRowsSurviveAKill(t *testing.T) {
	s := Start(t, "work_mem=5MB")
	s.CreateDatabase("keydesk")
	dsn := s.DSN("keydesk")
	execute(t, dsn, "CREATE TABLE keys AS SELECT 'deploy' AS name")
	busy := connect(t, dsn)
	go func() { _, _ = busy.Exec(context.Background(), "DO $$ BEGIN LOOP END LOOP; END $$") }()
	if err := until(func() (bool, error) {
		return s.holds("EXISTS (SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO%')")
	}); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if _, err := pgx.Connect(context.Background(), dsn); err == nil {
		t.Fatal("somebody answers")
	}
	s.Restart()
	if name := ask(t, dsn, "SELECT name FROM keys"); name != "deploy" {
		t.Error(name)
	}
	if set := ask(t, dsn, "SELECT concat_ws(' ', current_setting('fsync'), current_setting('work_mem'))"); set != "on 5MB" {
		t.Error(set)
	}
}

func TestPromotedStandbyHasWhatWasCommitted(t *testing.T) {
	primary := Start(t)
	standby := primary.Standby()
	execute(t, primary.DSN("postgres"), "CREATE TABLE keys AS SELECT 'deploy' AS name")
	primary.Kill()
	standby.Promote()
	if name := ask(t, standby.DSN("postgres"), "SELECT name FROM keys"); name != "deploy" {
		t.Error(name)
	}
	execute(t, standby.DSN("postgres"), "INSERT INTO keys VALUES ('backup')")
}

func TestCommitWaitsForTheStandby(t *testing.T) {
	primary := Start(t)
	standby := primary.Standby()
	standby.Kill()
	c := connect(t, primary.DSN("postgres"))
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := c.Exec(ctx, "CREATE TABLE keys ()"); ctx.Err() == nil {
		t.Errorf("committed without the standby: %v", err)
	}
	standby.Restart()
	execute(t, primary.DSN("postgres"), "CREATE TABLE users ()")
}

// TestServersEndWithTheProcess runs itself in a process of its own, which it kills.
func TestServersEndWithTheProcess(t *testing.T) {
	const child = "KEYDESK_PGTEST_CHILD"
	if os.Getenv(child) != "" {
		Start(t)
		fmt.Println(ask(t, Database(t), "SELECT current_setting('data_directory')"))
		select {}
	}
	c := exec.Command(os.Args[0], "-test.run=^TestServersEndWithTheProcess$")
	c.Env = append(os.Environ(), child+"=yes")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Dir(filepath.Dir(strings.TrimSpace(line)))
	if servers, err := filepath.Glob(home + "/*/data/postmaster.pid"); err != nil || len(servers) != 2 {
		t.Fatal(servers, err)
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	if err := until(func() (bool, error) {
		_, err := os.Stat(home)
		return os.IsNotExist(err), nil
	}); err != nil {
		t.Errorf("%s: %v", home, err)
	}
}
