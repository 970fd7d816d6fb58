package db_test

import (
	"fmt"

	"github.com/jmoiron/sqlx"
)

// number returns what is an integer in both databases.
func number(value any) int64 {
	n, ok := value.(int64)
	if !ok {
		panic(fmt.Sprintf("%T is no number", value))
	}
	return n
}

// remove deletes a row, and perhaps closes the gap.
func (m *tampering) remove() (string, error) {
	table := m.oneOf("audit", "audit", "users", "keys") // a link may be missing
	row, err := m.row(table)
	if err != nil {
		return "", err
	}
	if err := m.do(1, `DELETE FROM `+table+` WHERE `+watched[table][0]+` = ?`, row[0]); err != nil || table != "audit" {
		return fmt.Sprintf("%s %v deleted", table, row[0]), err
	}
	what := fmt.Sprintf("entry %v deleted", row[0])
	if m.IntN(2) == 0 {
		return what, nil
	}
	if err := m.shift(number(row[0]), -1); err != nil {
		return "", err
	}
	return m.perhapsFit(what + ", and the gap closed")
}

// shift gives all entries after one other numbers, and the head its own.
func (m *tampering) shift(after, by int64) error {
	for _, statement := range []string{
		`UPDATE audit SET number = -number WHERE number > ?`,
		`UPDATE audit SET number = -number + ? WHERE number < 0`,
		`UPDATE audit_head SET number = number + ?`,
	} {
		arg := by
		if statement == `UPDATE audit SET number = -number WHERE number > ?` {
			arg = after
		}
		if _, err := m.Exec(m.Rebind(statement), arg); err != nil {
			return err
		}
	}
	return nil
}

// insert puts a row in that is like another.
func (m *tampering) insert() (string, error) {
	table := m.oneOf("audit", "audit", "users", "keys", "links")
	row, err := m.row(table)
	if err != nil {
		return "", err
	}
	like := row[0]
	switch table {
	case "audit":
		if err := m.shift(number(like), 1); err != nil {
			return "", err
		}
		row[0] = number(like) + 1
	case "users":
		row[0], row[2] = fmt.Sprint(like, "2"), nil // an address is used once
	case "keys":
		row[0], row[1], row[3], row[7] = fmt.Sprint(like, "2"), number(row[1])+1000, m.other(row[3]), nil
	case "links":
		row[0] = m.other(like)
	}
	extra, marks := "", ""
	if table == "users" {
		extra, marks = ", name_folded", ", ''"
	}
	for range row {
		marks = ", ?" + marks
	}
	what := fmt.Sprintf("%s %v put in, like %v", table, row[0], like)
	err = m.do(1, `INSERT INTO `+table+` (`+watchedList(table)+extra+`) VALUES (`+marks[2:]+`)`, row...)
	if err == nil && table == "audit" {
		return m.perhapsFit(what)
	}
	return what, err
}

// reorder has two entries change places.
func (m *tampering) reorder() (string, error) {
	one, err1 := m.row("audit")
	two, err2 := m.row("audit")
	if err1 != nil || err2 != nil || one[0] == two[0] {
		return "", fmt.Errorf("not two entries: %w, %w", err1, err2)
	}
	for _, step := range [][2]any{{int64(-1), one[0]}, {one[0], two[0]}, {two[0], int64(-1)}} {
		if err := m.do(1, `UPDATE audit SET number = ? WHERE number = ?`, step[0], step[1]); err != nil {
			return "", err
		}
	}
	return m.perhapsFit(fmt.Sprintf("entries %v and %v in each other's place", one[0], two[0]))
}

// truncate cuts the end of the log off, and perhaps sets the head back to what it then was, rightly signed.
func (m *tampering) truncate() (string, error) {
	to := m.heads[m.IntN(len(m.heads)-1)]
	what := fmt.Sprintf("cut off after entry %d", to.Number)
	if err := m.do(0, `DELETE FROM audit WHERE number > ?`, to.Number); err != nil {
		return "", err
	}
	switch m.IntN(3) {
	case 0:
		return what, nil
	case 1:
		return what + ", head number set back", m.do(1, `UPDATE audit_head SET number = ?`, to.Number)
	}
	return what + ", head set back", m.do(1, `UPDATE audit_head SET number = ?, edge = ?, checkpoint = ?`, to.Number, to.Edge, to.Checkpoint)
}

// setBack has the rows of a table be those of a former state.
func (m *tampering) setBack() (string, error) {
	table, at := m.oneOf("users", "keys"), m.IntN(len(m.former))
	if _, err := m.Exec(`ATTACH ? AS former`, m.former[at]); err != nil {
		return "", err
	}
	defer func() { _, _ = m.Exec(`DETACH former`) }()
	same := 0
	list := watchedList(table)
	if err := sqlx.Get(m, &same, `SELECT NOT EXISTS (SELECT `+list+` FROM `+table+` EXCEPT SELECT `+list+` FROM former.`+table+`)`); err != nil || same == 1 {
		return "", fmt.Errorf("%s is as it was: %w", table, err)
	}
	if _, err := m.Exec(`DELETE FROM ` + table); err != nil {
		return "", err
	}
	_, err := m.Exec(`INSERT INTO ` + table + ` SELECT * FROM former.` + table)
	return fmt.Sprintf("%s as in former state %d", table, at), err
}
