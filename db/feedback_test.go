package db_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

func (d *desk) feedback() (access.Tally, []access.Feedback) {
	d.t.Helper()
	tally, texts, err := d.Feedback(d.t.Context(), d.root)
	d.must(err)
	return tally, texts
}

func TestLastWordOfEachCounts(t *testing.T) {
	d := newDesk(t)
	if tally, texts := d.feedback(); tally != (access.Tally{}) || len(texts) != 0 {
		t.Errorf("of nobody: %+v, %+v", tally, texts)
	}
	if f, given, err := d.OwnFeedback(t.Context(), d.alice); err != nil || given || f != (access.Feedback{}) {
		t.Errorf("alice said %+v, given: %t, %v", f, given, err)
	}
	d.must(d.GiveFeedback(t.Context(), d.alice, false, "What is a pepper?"))
	d.must(d.GiveFeedback(t.Context(), d.bob, false, ""))
	d.must(d.GiveFeedback(t.Context(), d.root, true, "'); DROP TABLE feedback; --\n<b>"))
	roots := access.Feedback{UserID: "root", At: d.Now(), Helpful: true, Text: "'); DROP TABLE feedback; --\n<b>"}
	d.advance(time.Minute)
	d.must(d.GiveFeedback(t.Context(), d.alice, true, "Ah."))
	alices := access.Feedback{UserID: "alice", At: d.Now(), Helpful: true, Text: "Ah."}
	if tally, texts := d.feedback(); tally != (access.Tally{Yes: 2, No: 1}) || !slices.Equal(texts, []access.Feedback{alices, roots}) {
		t.Errorf("got %+v, %+v", tally, texts)
	}
	if f, given, err := d.OwnFeedback(t.Context(), d.alice); err != nil || !given || f != alices {
		t.Errorf("alice said %+v, given: %t, %v", f, given, err)
	}
	d.must(d.GiveFeedback(t.Context(), d.alice, false, ""))
	if tally, texts := d.feedback(); tally != (access.Tally{Yes: 1, No: 2}) || !slices.Equal(texts, []access.Feedback{roots}) {
		t.Errorf("with the text taken back: %+v, %+v", tally, texts)
	}
}

// AZ-1: who said what is for administrators, and for oneself.
func TestFeedbackIsReadByAdministratorsOnly(t *testing.T) {
	d := newDesk(t)
	d.must(d.GiveFeedback(t.Context(), d.alice, false, "Mine."))
	for _, actor := range []access.Actor{d.alice, d.bob, d.operator, {}} {
		tally, texts, err := d.Feedback(t.Context(), actor)
		wantRefusal(t, err, access.Denied)
		if tally != (access.Tally{}) || texts != nil {
			t.Errorf("%q reads %+v, %+v", actor.UserID, tally, texts)
		}
	}
	if f, given, err := d.OwnFeedback(t.Context(), d.bob); err != nil || given || f.Text != "" {
		t.Errorf("bob said %+v, given: %t, %v", f, given, err)
	}
	_, _, err := d.OwnFeedback(t.Context(), d.operator)
	wantRefusal(t, err, access.Denied)
	wantRefusal(t, d.GiveFeedback(t.Context(), d.operator, true, ""), access.Denied)
	wantRefusal(t, d.GiveFeedback(t.Context(), access.Actor{UserID: "mallory", Role: access.User}, true, ""), access.SignedOut)
}

func TestLatestTextsAreShown(t *testing.T) {
	d := newDesk(t)
	const n = db.FeedbackShown + 5
	for i := range n {
		d.advance(time.Second)
		d.must(d.GiveFeedback(t.Context(), d.addUser(fmt.Sprintf("u%03d", i)), i%2 == 0, fmt.Sprint("text ", i)))
	}
	tally, texts := d.feedback()
	if tally.Yes+tally.No != n || tally.Yes != (n+1)/2 || len(texts) != db.FeedbackShown {
		t.Fatalf("got %+v and %d texts", tally, len(texts))
	}
	for i, f := range texts {
		if want := fmt.Sprint("text ", n-1-i); f.Text != want {
			t.Errorf("text %d is %q, want %q", i, f.Text, want)
		}
	}
}
