package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// LastUses returns a page of the keys that were used, or refused, in the days that are kept: those of the latest day
// first, and of those of a day the newest key first. The page itself has the latest use first. It goes on after where
// another page ended, which next says; next is empty when nothing follows.
func (db *DB) LastUses(ctx context.Context, actor access.Actor, after string) (uses []access.KeyUses, next string, err error) {
	if err := access.Check(actor, access.SeeHistory); err != nil {
		return nil, "", err
	}
	where, args := ``, []any{}
	if after != "" {
		day, key, ok := parseUsed(after)
		if !ok {
			return nil, "", access.ErrNotFound
		}
		where, args = `(d.day, d.key) < (?, ?) AND `, []any{day, key}
	}
	err = db.looking(ctx, func(t *sqlx.Tx) error {
		var found []usedRow
		if err := t.SelectContext(ctx, &found, t.Rebind(fmt.Sprintf(selectUsed, where)), append(args, HistoryPage+1)...); err != nil {
			return fmt.Errorf("list uses: %w", err)
		}
		if len(found) > HistoryPage {
			found = found[:HistoryPage]
			next = found[HistoryPage-1].String()
		}
		uses, err = db.usedKeys(ctx, t, found)
		return err
	})
	return uses, next, err
}

// selectUsed selects the keys by the last day of which uses are kept.
const selectUsed = `SELECT d.day, d.key FROM key_days d
	WHERE %sNOT EXISTS (SELECT 1 FROM key_days later WHERE later.key = d.key AND later.day > d.day)
	GROUP BY d.day, d.key ORDER BY d.day DESC, d.key DESC LIMIT ?`

// usedRow is a key and the last day of which uses are kept.
type usedRow struct {
	Day int64 `db:"day"`
	Key int64 `db:"key"`
}

func (r usedRow) String() string {
	return strconv.FormatInt(r.Day, 10) + "." + strconv.FormatInt(r.Key, 10)
}

func parseUsed(s string) (day, key int64, ok bool) {
	first, second, _ := strings.Cut(s, ".")
	day, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	key, err = strconv.ParseInt(second, 10, 64)
	return day, key, err == nil
}

// usedKeys returns the keys, the latest use first, with who used them in the days that are shown.
func (db *DB) usedKeys(ctx context.Context, t *sqlx.Tx, found []usedRow) ([]access.KeyUses, error) {
	if len(found) == 0 {
		return nil, nil
	}
	numbers := make([]int64, 0, len(found))
	for _, r := range found {
		numbers = append(numbers, r.Key)
	}
	days, err := usesOf(ctx, t, db.firstDay(), numbers...)
	if err != nil {
		return nil, err
	}
	uses := make([]access.KeyUses, 0, len(found))
	err = selectIn(ctx, t, selectKeys+`WHERE k.number IN (?)`, func(r keyRow) {
		uses = append(uses, access.KeyUses{Key: r.key(db.recent), Days: days[r.Number]})
	}, numbers)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(uses, func(a, b access.KeyUses) int {
		return cmp.Or(b.LastAt().Compare(a.LastAt()), cmp.Compare(b.Key.Number, a.Key.Number))
	})
	return uses, nil
}
