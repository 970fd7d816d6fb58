package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"golang.org/x/mod/sumdb/note"

	"github.com/keydesk/keydesk/access"
)

// loss is what an anchor has of the log and the database has not.
type loss struct {
	name     string // by which it is accepted
	after    int64  // the last entry that both have
	size     int64  // entries of the anchor
	own      int64  // entries that the database has since
	from     int64  // where the first line begins that is lost, in bytes
	actions  map[access.Action]int
	disabled []string // who was disabled, and who lost rights, one more than are named
	lowered  []string
	exact    bool // all can be done again, as it was
	accepted bool // by an entry of the database
}

// mostNamed is how many people are named.
const mostNamed = 10

// compareAll reads the whole file and compares it with the database, entry by entry. unknown is why the database's own keys
// do not open the last checkpoint; then one of those that the file names has to.
func (l *look) compareAll(ctx context.Context, q querier, f *os.File, end anchorEnd, unknown error) error {
	c := &anchorComparison{l: l, next: leaves{q: q, treeless: l.origin == "", done: l.entries == 0}, lost: &loss{
		size: l.size, actions: map[access.Action]int{}, exact: unknown == nil,
	}}
	err := eachAnchorLine(f, 0, end.at, func(at int64, line anchorLine) error { return c.line(ctx, at, line) })
	if errors.Is(err, errAnchorLine) {
		return l.damaged(err)
	}
	if err != nil {
		return err
	}
	if root, err := c.tree.Root(); err != nil || c.tree.Size != l.size || root != l.signed.Root {
		return l.damaged(errors.Join(err, errors.New("its entries are not those that its last checkpoint was signed of")))
	}
	if unknown != nil {
		list, err := access.ParseVerifiers(c.verifiers)
		if err != nil {
			return l.damaged(err)
		}
		if _, err := access.OpenCheckpoint(end.last.Checkpoint, list); err != nil {
			return l.damaged(err)
		}
	}
	l.verifier = c.verifiers[len(c.verifiers)-1]
	if !c.parted {
		if unknown != nil {
			return l.damaged(errors.New("its last checkpoint is not signed with a key of this database"))
		}
		return nil
	}
	l.lost = c.lost
	l.lost.own = l.entries - l.lost.after
	l.lost.exact = l.lost.exact && l.lost.own == 0
	l.lost.name = fmt.Sprintf("%d-%x", l.size, l.signed.Root[:4])
	return nil
}

// anchorComparison is such a comparison under way.
type anchorComparison struct {
	l         *look
	next      leaves
	tree      access.Tree // of the file
	verifiers []string    // of its heads
	parted    bool        // an entry was found that the database does not have
	lost      *loss
}

func (c *anchorComparison) line(ctx context.Context, at int64, line anchorLine) (err error) {
	if line.Verifier != "" {
		if _, err := note.NewVerifier(line.Verifier); err != nil {
			return fmt.Errorf("%w: %w", errAnchorLine, err)
		}
		c.verifiers = append(c.verifiers, line.Verifier)
		return nil
	}
	if c.tree, _, err = c.tree.Append(line.Entry); err != nil {
		return err
	}
	if !c.parted {
		leaf, err := c.next.leaf(ctx)
		if err != nil {
			return err
		}
		if bytes.Equal(leaf, line.Entry) {
			c.lost.after = c.tree.Size
			return nil
		}
		c.parted, c.lost.from = true, at
	}
	change, traces, err := access.ParseEntry(line.Entry)
	if err != nil {
		return fmt.Errorf("%w: %w", errAnchorLine, err)
	}
	if change.Number != c.tree.Size {
		return fmt.Errorf("%w: entry %d comes in the place of entry %d", errAnchorLine, change.Number, c.tree.Size)
	}
	c.lost.add(change, traces)
	return nil
}

// add adds an entry to what is lost.
func (l *loss) add(c access.Change, traces []access.Trace) {
	l.actions[c.Action]++
	l.exact = l.exact && isDeactivation(c.Action) && len(traces) == 1 && traces[0].Deactivated && traces[0].ID == c.KeyID
	switch c.Action {
	case access.DisableUser:
		l.disabled = withPerson(l.disabled, c.UserID)
	case access.ChangeRole:
		if strings.HasPrefix(c.Detail, "from "+string(access.Admin)+" ") {
			l.lowered = withPerson(l.lowered, c.UserID)
		}
	case access.EnableUser:
		l.disabled = slices.DeleteFunc(l.disabled, func(id string) bool { return id == c.UserID })
	}
}

func withPerson(people []string, userID string) []string {
	if len(people) <= mostNamed && !slices.Contains(people, userID) {
		people = append(people, userID)
	}
	return people
}

// isDeactivation tells whether a change of this kind does nothing but end one key.
func isDeactivation(what access.Action) bool {
	return what == access.DeactivateKey || what == access.DeactivateOwnKey
}

// wasAccepted notes whether the database has an entry by which the loss was accepted, before the anchor could be made anew.
func (l *loss) wasAccepted(ctx context.Context, q querier) error {
	if l.own == 0 {
		return nil
	}
	return q.QueryRowxContext(ctx, q.Rebind(`SELECT EXISTS (SELECT 1 FROM audit WHERE number > ? AND actor = ? AND action = ? AND detail LIKE ?)`),
		l.after, access.System, access.Restore, l.name+":%").Scan(&l.accepted)
}

// String says what is lost, and what can be done.
func (l *loss) String() string {
	return l.what() + "; restore a newer backup, or start with --accept-loss " + l.name +
		", which deactivates the keys again that were deactivated in them, and loses the rest"
}

// what says what is lost.
func (l *loss) what() string {
	var b strings.Builder
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) }
	if l.size == l.after+1 {
		say("change %d is lost (", l.size)
	} else {
		say("changes %d to %d are lost (", l.after+1, l.size)
	}
	for i, action := range slices.Sorted(maps.Keys(l.actions)) {
		if i > 0 {
			say(", ")
		}
		say("%d × %s", l.actions[action], action)
	}
	say(")")
	if len(l.disabled) > 0 {
		say(", by which were disabled: %s", people(l.disabled))
	}
	if len(l.lowered) > 0 {
		say(", by which were administrators no more: %s", people(l.lowered))
	}
	if l.own > 0 {
		say("; %s made instead", english.Plural(int(l.own), "other was", "others were"))
	}
	return b.String()
}

// toDo says what the operator has to do again once the loss is accepted.
func (l *loss) toDo() string {
	text := ""
	if len(l.disabled) > 0 {
		text += "; disable again: " + people(l.disabled)
	}
	if len(l.lowered) > 0 {
		text += "; make users again: " + people(l.lowered)
	}
	return text
}

// people names the first few.
func people(all []string) string {
	if len(all) > mostNamed {
		return strings.Join(all[:mostNamed], ", ") + " and others"
	}
	return strings.Join(all, ", ")
}

// leaves reads the entries of the database one after the other, as they are hashed.
type leaves struct {
	q        querier
	treeless bool // the database is from before the log had a tree
	some     []storedEntry
	last     int64
	done     bool // there are no more
}

// leaf returns the next entry, or nil behind the last one.
func (r *leaves) leaf(ctx context.Context) (leaf []byte, err error) {
	if r.done {
		return nil, nil
	}
	if len(r.some) == 0 {
		const some = 1000
		read := entriesAfter
		if r.treeless {
			read = treelessEntriesAfter
		}
		if r.some, err = read(ctx, r.q, r.last, some); err != nil || len(r.some) == 0 {
			r.done = true
			return nil, err
		}
	}
	e := r.some[0]
	r.some, r.last = r.some[1:], e.Number
	return e.Entry()
}
