package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

func noon() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// IO-6
func TestAgeIsInWholeDaysAndNeverNegative(t *testing.T) {
	const day = 24 * time.Hour
	for _, row := range []struct {
		since time.Duration
		days  int
	}{
		{0, 0}, {time.Microsecond, 0}, {day - time.Nanosecond, 0}, {day, 1}, {2*day - time.Nanosecond, 1}, {2 * day, 2},
		{365 * day, 365}, {36525 * day, 36525},
		{-time.Nanosecond, 0}, {-day, 0}, {-10 * 365 * day, 0}, // the clock was set back
	} {
		if got := (access.Key{CreatedAt: noon()}).AgeDays(noon().Add(row.since)); got != row.days {
			t.Errorf("%v after its creation a key is %d days old, want %d", row.since, got, row.days)
		}
	}
}

// IO-6: a day is 24 h, also where the clocks change.
func TestAgeDoesNotDependOnTheZone(t *testing.T) {
	west := time.FixedZone("west", -5*3600)
	east := time.FixedZone("east", 14*3600)
	made := access.Key{CreatedAt: noon().In(west)}
	if got := made.AgeDays(noon().Add(24*time.Hour - time.Second).In(east)); got != 0 {
		t.Errorf("a second short of a day is %d days", got)
	}
	if got := made.AgeDays(noon().Add(24 * time.Hour).In(east)); got != 1 {
		t.Errorf("24 h are %d days", got)
	}
}

func TestKeyIsActiveUntilDeactivated(t *testing.T) {
	key := access.Key{CreatedAt: noon(), Last4: "QWsy"}
	if got := key.Status(); got != access.Active {
		t.Errorf("a new key is %s", got)
	}
	key.DeactivatedAt = noon()
	if got := key.Status(); got != access.Inactive {
		t.Errorf("a deactivated key is %s", got)
	}
	if got := key.Masked(); got != "********QWsy" {
		t.Errorf("masked it is %s", got)
	}
}

// IO-5: what a query is narrowed by comes from a list.
func TestStatusFilter(t *testing.T) {
	for _, s := range []string{"", "active", "inactive"} {
		if got, err := access.ParseStatus(s); err != nil || string(got) != s {
			t.Errorf("%q parses as %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"Active", "active ", "all", "deactivated", "activeinactive", "' OR 1=1"} {
		if got, err := access.ParseStatus(s); access.Refused(err, access.Invalid) == nil || got != "" {
			t.Errorf("%q parses as %q, %v", s, got, err)
		}
	}
}

// KEY-7: a limit is reached by the key that would exceed it, and the refusal says what to do.
func TestKeyLimits(t *testing.T) {
	both := access.KeyLimits{Active: 5, PerMinute: 3}
	for name, row := range map[string]struct {
		limits         access.KeyLimits
		active, recent int
		code           access.Code // 0: one more is within the limits
		says           string
		wait           time.Duration
	}{
		"none yet":             {both, 0, 0, 0, "", 0},
		"room for one":         {both, 4, 2, 0, "", 0},
		"as many as may be":    {both, 5, 0, access.Clashes, "active keys as one user may have here (5)", 0},
		"more than may be":     {both, 6, 0, access.Clashes, "active keys as one user may have here (5)", 0}, // the limit was lowered
		"as fast as may be":    {both, 0, 3, access.TooMany, "(3 a minute)", time.Minute},
		"both":                 {both, 5, 3, access.Clashes, "deactivate one", 0}, // waiting would not help
		"without a limit":      {access.KeyLimits{}, 1_000_000, 1_000_000, 0, "", 0},
		"of the active only":   {access.KeyLimits{Active: 1}, 0, 1_000_000, 0, "", 0},
		"of the rate only":     {access.KeyLimits{PerMinute: 1}, 1_000_000, 0, 0, "", 0},
		"of one, with one":     {access.KeyLimits{Active: 1, PerMinute: 1}, 1, 0, access.Clashes, "here (1)", 0},
		"of one, made just so": {access.KeyLimits{Active: 1, PerMinute: 1}, 0, 1, access.TooMany, "again in a minute", time.Minute},
	} {
		err := row.limits.Check(row.active, row.recent)
		if row.code == 0 {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		refusal := access.Refused(err, row.code)
		if refusal == nil || refusal.Wait != row.wait || !strings.Contains(refusal.Message, row.says) {
			t.Errorf("%s: got %+v", name, err)
		}
	}
}
