package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

func freshLink() access.Link {
	return access.Link{UserID: "alice", IssuedAt: noon(), IssuedBy: "root", ExpiresAt: noon().Add(access.LinkLife)}
}

// AZ-6
func TestLinkIsGoodOnceAndFor24Hours(t *testing.T) {
	used, withdrawn := freshLink(), freshLink()
	used.UsedAt, withdrawn.WithdrawnAt = noon(), noon()
	both := used
	both.WithdrawnAt = noon()
	for name, row := range map[string]struct {
		link  access.Link
		after time.Duration
		says  string // empty: it is good
	}{
		"at once":            {freshLink(), 0, ""},
		"at the end":         {freshLink(), 24*time.Hour - time.Microsecond, ""},
		"after 24 h":         {freshLink(), 24 * time.Hour, "expired"},
		"after a year":       {freshLink(), 365 * 24 * time.Hour, "expired"},
		"used":               {used, time.Second, "used already"},
		"used, after a year": {used, 365 * 24 * time.Hour, "used already"},
		"withdrawn":          {withdrawn, time.Second, "replaced"},
		"used and withdrawn": {both, time.Second, "used already"}, // that somebody used it matters more
		"without an end":     {access.Link{UserID: "alice", IssuedAt: noon()}, 0, "expired"},
		"no link at all":     {access.Link{}, 0, "expired"},
	} {
		err := row.link.Check(noon().Add(row.after))
		if row.says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		refusal := access.Refused(err, access.NotFound)
		if refusal == nil || refusal.Field != "token" || !strings.Contains(refusal.Message, row.says) {
			t.Errorf("%s: %v, want %q", name, err, row.says)
		}
	}
}

// DUR-7, AZ-6: a link that was issued while the clock ran ahead is not good for the years until then.
func TestLinkOfTheFutureIsNoLink(t *testing.T) {
	if err := freshLink().Check(noon().Add(-time.Second)); err != nil {
		t.Errorf("where the clock was corrected by a second: %v", err)
	}
	for _, ahead := range []time.Duration{25 * time.Hour, 365 * 24 * time.Hour} {
		if err := freshLink().Check(noon().Add(-ahead)); access.Refused(err, access.NotFound) == nil {
			t.Errorf("%v before it was issued: %v", ahead, err)
		}
	}
}
