package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/pgtest"
)

// wantMoved fails the test unless everything can be moved now, and the desk goes on there.
func (s *story) wantMoved(to string) {
	s.t.Helper()
	moved, err := db.Move(s.t.Context(), s.options(), to, func(int, int) {})
	s.must(err)
	if moved.Keys == 0 {
		s.t.Error("no key was moved")
	}
	source, target := dbtest.Open(s.t, s.path), dbtest.Open(s.t, to)
	for _, name := range db.MovedTables() {
		if sorted(s.t, source, name) != sorted(s.t, target, name) {
			s.t.Errorf("%s is not the same", name)
		}
	}
}

// Whenever it is stopped, the target is empty, and it can be moved again.
func TestMoveThatIsStoppedLeavesTheTargetEmpty(t *testing.T) {
	s := newStory(t)
	s.close()
	to := pgtest.Database(t)
	for _, at := range []float64{0, 0.2, 0.45, 0.5, 0.55, 0.8, 0.99} {
		ctx, cancel := context.WithCancel(t.Context())
		var stopped time.Time
		_, err := db.Move(ctx, s.options(), to, func(done, total int) {
			if stopped.IsZero() && float64(done) > at*float64(total) {
				stopped = time.Now()
				cancel()
			}
		})
		if took := time.Since(stopped); stopped.IsZero() || took > 5*time.Second {
			t.Errorf("at %v it was over after %v", at, took)
		}
		wantLine(t, "stopped", err, context.Canceled, "nothing was moved")
		wantEmpty(t, to)
	}
	s.wantMoved(to)
}

func TestMoveThatIsStoppedBeforeItBeginsChangesNothing(t *testing.T) {
	s := newStory(t)
	s.close()
	before := sum(t, s.path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	to := pgtest.Database(t)
	if _, err := db.Move(ctx, s.options(), to, func(int, int) {}); err == nil {
		t.Error("it went on")
	}
	if everything(t, to) != "" || sum(t, s.path) != before {
		t.Error("something was changed")
	}
}

// What the server loses, or gives up, is no half a database either.
func TestMoveThatLosesTheServerLeavesTheTargetEmpty(t *testing.T) {
	s := newStory(t)
	s.close()
	to := pgtest.Database(t)
	for _, share := range []int{2, 4} { // of four: in the middle, and in the comparison of the last rows
		lost := false
		_, err := db.Move(t.Context(), s.options(), to, func(done, total int) {
			if !lost && done >= total*share/4-1 {
				lost = true
				dbtest.Exec(t, to, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
					WHERE datname = current_database() AND pid <> pg_backend_pid()`)
			}
		})
		wantLine(t, "lost", err, nil, "nothing was moved")
		wantEmpty(t, to)
	}
	s.wantMoved(to)
}

// Who opens the target meanwhile waits, and then has what was moved.
func TestNobodyOpensTheTargetMeanwhile(t *testing.T) {
	s := newStory(t)
	s.close()
	to := pgtest.Database(t)
	conn, err := pgx.Connect(t.Context(), to)
	s.must(err)
	defer func() { _ = conn.Close(context.Background()) }()
	opened := make(chan error, 1)
	begun := false
	_, err = db.Move(t.Context(), s.options(), to, func(int, int) {
		if begun {
			return
		}
		begun = true
		o := optionsFor(to)
		o.Now = s.now
		go func() {
			_, err := db.Open(context.Background(), o)
			opened <- err
		}()
		for waits := false; !waits && len(opened) == 0; {
			s.must(conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)`).Scan(&waits))
		}
	})
	s.must(err)
	if err := <-opened; !errors.Is(err, db.ErrWrongSecret) { // as everything that was moved is sealed under another
		t.Errorf("opened: %v", err)
	}
	_, err = db.Move(t.Context(), s.options(), to, func(int, int) {})
	wantLine(t, "again", err, db.ErrNotEmpty)
	s.path = to
	s.open()
	if s.verdict(s.good) != access.Accepted {
		t.Errorf("the key is %s", s.verdict(s.good))
	}
}

// A table may take longer than people are to wait.
func TestMoveIsNotHurried(t *testing.T) {
	s := newStory(t)
	s.close()
	to := dbtest.NewCopy(t)
	dbtest.Exec(t, to, `CREATE FUNCTION linger() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
		IF current_query() LIKE '%keys_number%' THEN PERFORM pg_sleep(1.2); END IF; END $$`)
	dbtest.Exec(t, to, `CREATE EVENT TRIGGER linger ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION linger()`)
	dbtest.Exec(t, to, `ALTER DATABASE `+nameOf(to)+` SET statement_timeout = 1000`)
	_, err := db.Move(t.Context(), s.options(), to, func(int, int) {})
	s.must(err)
	dbtest.Exec(t, to, `ALTER DATABASE `+nameOf(to)+` RESET statement_timeout`)
	s.path = to
	s.open()
	if s.verdict(s.good) != access.Accepted {
		t.Error("the key is lost")
	}
}
