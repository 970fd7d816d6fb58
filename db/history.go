package db

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"github.com/keydesk/keydesk/access"
)

// HistoryPage is how many entries a page of a history holds.
const HistoryPage = 50

// SignIns returns a page of the sign-in history, newest first, those before the number given; 0 begins
// with the newest. more tells whether others follow.
func (db *DB) SignIns(ctx context.Context, actor access.Actor, before int64) (signIns []access.SignIn, more bool, err error) {
	if err := access.Check(actor, access.SeeHistory); err != nil {
		return nil, false, err
	}
	var rows []struct {
		Number    int64          `db:"number"`
		At        sql.NullInt64  `db:"at"`
		UserID    string         `db:"user_id"`
		Address   string         `db:"address"`
		UserAgent string         `db:"user_agent"`
		Means     access.Means   `db:"means"`
		Outcome   access.Outcome `db:"outcome"`
	}
	err = db.read.SelectContext(ctx, &rows, db.read.Rebind(`SELECT number, at, user_id, address, user_agent, means, outcome
		FROM sign_ins WHERE number < ? ORDER BY number DESC LIMIT ?`), newestIf(before), HistoryPage+1)
	if err != nil {
		return nil, false, fmt.Errorf("list sign-ins: %w", err)
	}
	for _, r := range rows[:min(len(rows), HistoryPage)] {
		signIns = append(signIns, access.SignIn{
			Number: r.Number, At: timeOf(r.At), UserID: r.UserID, Address: r.Address, UserAgent: r.UserAgent,
			Means: r.Means, Outcome: r.Outcome,
		})
	}
	return signIns, len(rows) > HistoryPage, nil
}

func newestIf(before int64) int64 {
	if before <= 0 {
		return math.MaxInt64
	}
	return before
}
