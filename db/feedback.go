package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/keydesk/keydesk/access"
)

// FeedbackShown is how many of the latest texts Feedback returns at most.
const FeedbackShown = 50

// GiveFeedback keeps what the actor says of the help, in the place of what they said before. The same once more
// changes nothing.
func (db *DB) GiveFeedback(ctx context.Context, actor access.Actor, helpful bool, text string) error {
	return db.change(ctx, actor, access.GiveFeedback, func(ctx context.Context, t *tx) (access.Change, error) {
		if err := t.checkRate(ctx, access.GiveFeedback); err != nil {
			return access.Change{}, err
		}
		answer, is := "not helpful", 0
		if helpful {
			answer, is = "helpful", 1
		}
		n, err := affect(ctx, t, `INSERT INTO feedback (user_id, at, helpful, text) VALUES (?, ?, ?, ?)
			ON CONFLICT (user_id) DO UPDATE SET at = excluded.at, helpful = excluded.helpful, text = excluded.text
			WHERE feedback.helpful <> excluded.helpful OR feedback.text <> excluded.text`,
			actor.UserID, micros(t.at), is, text)
		if err == nil && n == 0 {
			err = errUnchanged
		}
		return access.Change{UserID: actor.UserID, Detail: answer}, err
	})
}

// OwnFeedback returns what the actor said of the help; given is false when that is nothing yet.
func (db *DB) OwnFeedback(ctx context.Context, actor access.Actor) (f access.Feedback, given bool, err error) {
	if err := access.Check(actor, access.GiveFeedback); err != nil {
		return f, false, err
	}
	var row feedbackRow
	err = db.read.GetContext(ctx, &row, db.read.Rebind(`SELECT user_id, at, helpful, text FROM feedback WHERE user_id = ?`),
		actor.UserID)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("read feedback: %w", err)
	}
	return row.feedback(), true, nil
}

// Feedback returns how many people found the help helpful, how many did not, and the latest texts.
func (db *DB) Feedback(ctx context.Context, actor access.Actor) (tally access.Tally, texts []access.Feedback, err error) {
	if err := access.Check(actor, access.SeeFeedback); err != nil {
		return tally, nil, err
	}
	err = db.read.QueryRowxContext(ctx, `SELECT count(CASE WHEN helpful = 1 THEN 1 END),
		count(CASE WHEN helpful = 0 THEN 1 END) FROM feedback`).Scan(&tally.Yes, &tally.No)
	if err != nil {
		return tally, nil, fmt.Errorf("count feedback: %w", err)
	}
	var rows []feedbackRow
	err = db.read.SelectContext(ctx, &rows, db.read.Rebind(`SELECT user_id, at, helpful, text FROM feedback
		WHERE text <> '' ORDER BY at DESC, user_id LIMIT ?`), FeedbackShown)
	if err != nil {
		return tally, nil, fmt.Errorf("list feedback: %w", err)
	}
	for _, r := range rows {
		texts = append(texts, r.feedback())
	}
	return tally, texts, nil
}

type feedbackRow struct {
	UserID  string        `db:"user_id"`
	At      sql.NullInt64 `db:"at"`
	Helpful bool          `db:"helpful"`
	Text    string        `db:"text"`
}

func (r feedbackRow) feedback() access.Feedback {
	return access.Feedback{UserID: r.UserID, At: timeOf(r.At), Helpful: r.Helpful, Text: r.Text}
}
