package db

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"github.com/keydesk/keydesk/access"
)

// Changes returns a page of those entries of the audit log that the filter asks for, newest first, those before the number
// given; 0 begins with the newest. more tells whether others follow.
func (db *DB) Changes(ctx context.Context, actor access.Actor, f access.ChangeFilter, before int64) (
	changes []access.Change, more bool, err error,
) {
	if err := access.Check(actor, access.SeeHistory); err != nil {
		return nil, false, err
	}
	if !storable(f.Person) {
		return nil, false, nil
	}
	w := wantedChanges{before: newestIf(before), filter: f}
	if err := w.between(ctx, db.read); err != nil {
		return nil, false, fmt.Errorf("list changes: %w", err)
	}
	persons := []string{""}
	if f.Person != "" { // an index of each; a condition on both would take neither
		persons = []string{` AND a.actor = ?`, ` AND a.user_id = ? AND a.user_id <> a.actor`}
	}
	for _, person := range persons {
		some, err := db.readChanges(ctx, w, person)
		if err != nil {
			return nil, false, fmt.Errorf("list changes: %w", err)
		}
		changes = append(changes, some...)
	}
	slices.SortFunc(changes, func(a, b access.Change) int { return int(b.Number - a.Number) })
	return changes[:min(len(changes), HistoryPage)], len(changes) > HistoryPage, nil
}

// wantedChanges is which entries are asked for. The newest page of them is read in the order of an index that has the numbers.
type wantedChanges struct {
	from, before int64
	filter       access.ChangeFilter
}

// between narrows the numbers to those of the time that is asked for. Entries are in order of their numbers, and nearly so
// of their times: clocks are set.
func (w *wantedChanges) between(ctx context.Context, q querier) error {
	if w.filter.From.IsZero() && w.filter.Until.IsZero() {
		return nil
	}
	var first, last sql.NullInt64
	since, until := w.times()
	err := q.QueryRowxContext(ctx, q.Rebind(`SELECT min(number), max(number) FROM audit WHERE at >= ? AND at < ?`), since, until).
		Scan(&first, &last)
	w.from, w.before = first.Int64, min(w.before, last.Int64+1)
	return err
}

func (w *wantedChanges) times() (since, until int64) {
	since, until = math.MinInt64, math.MaxInt64
	if !w.filter.From.IsZero() {
		since = micros(w.filter.From)
	}
	if !w.filter.Until.IsZero() {
		until = micros(w.filter.Until)
	}
	return since, until
}

// readChanges returns a page, and one more, of the entries that the condition on the person, if any, selects too.
func (db *DB) readChanges(ctx context.Context, w wantedChanges, person string) (changes []access.Change, err error) {
	where, args := `a.number >= ? AND a.number < ?`, []any{w.from, w.before}
	if person != "" {
		where, args = where+person, append(args, w.filter.Person)
	}
	if w.filter.Action != "" {
		where, args = where+` AND a.action = ?`, append(args, w.filter.Action)
	}
	if since, until := w.times(); since != math.MinInt64 || until != math.MaxInt64 {
		where, args = where+` AND +a.at >= ? AND +a.at < ?`, append(args, since, until) // not by the index of times: it has another order
	}
	var rows []changeRow
	err = db.read.SelectContext(ctx, &rows, db.read.Rebind(`SELECT a.number, a.at, a.actor, a.address, a.action,
		a.user_id, a.key_id, coalesce(k.last4, '') AS last4, a.detail
		FROM audit a LEFT JOIN keys k ON k.id = a.key_id
		WHERE `+where+` ORDER BY a.number DESC LIMIT ?`), append(args, HistoryPage+1)...)
	for _, r := range rows {
		changes = append(changes, access.Change{
			Number: r.Number, At: timeOf(r.At), Actor: r.Actor, Address: r.Address, Action: r.Action,
			UserID: r.UserID, KeyID: r.KeyID, Last4: r.Last4, Detail: r.Detail,
		})
	}
	return changes, err
}

type changeRow struct {
	Number  int64         `db:"number"`
	At      sql.NullInt64 `db:"at"`
	Actor   string        `db:"actor"`
	Address string        `db:"address"`
	Action  access.Action `db:"action"`
	UserID  string        `db:"user_id"`
	KeyID   string        `db:"key_id"`
	Last4   string        `db:"last4"`
	Detail  string        `db:"detail"`
}
