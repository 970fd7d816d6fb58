package handlers_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// AUTH-11, WEB-1, WEB-2, WEB-3, WEB-4, WEB-5, WEB-6, WEB-7, WEB-8, WEB-10, WEB-11, AZ-2, AZ-3, AZ-13, AZ-14, IO-1, IO-5,
// IO-7, DOS-1, SES-1: every route, every field and every part of a path, with what is hostile there, by nobody, by a user and
// by an administrator. Each is answered as it should be, never with a fault; what is sent is nothing but text in the answer;
// and what is refused changes nothing.
func TestEveryRouteAndFieldUnderSiege(t *testing.T) {
	var rows atomic.Int64
	t.Run("all", func(t *testing.T) {
		for name, shots := range map[string]func(*siege) []shot{
			"methods": (*siege).methodShots, "paths": (*siege).pathShots, "forms": (*siege).formShots, "headers": (*siege).headerShots,
			"fields": func(s *siege) []shot { return s.valueShots(hostileValues()) },
			"parts":  func(s *siege) []shot { return s.partShots(hostileValues()) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newSiege(t)
				s.hold(shots(s))
				rows.Add(int64(s.rows))
				t.Logf("%d rows", s.rows)
				if log := s.log.String(); strings.Contains(log, `"level":"ERROR"`) || strings.Contains(log, s.good) {
					t.Errorf("the log tells of a fault, or of a key: %.2000s", log[max(0, strings.Index(log, `"level":"ERROR"`)-200):])
				}
			})
		}
	})
	if rows.Load() < 10_000 {
		t.Errorf("the table has %d rows", rows.Load())
	}
}

// The table goes with the desk: a route without a row fails, and so does a field of a page that is in no row.
func TestSiegeAimsAtEveryRouteAndField(t *testing.T) {
	s := newSiege(t)
	var aimed []string
	for _, a := range s.aims() {
		aimed = append(aimed, a.route)
	}
	table := s.app.Table()
	slices.Sort(table)
	slices.Sort(aimed)
	if !slices.Equal(table, aimed) {
		t.Errorf("the desk has the routes\n%s\nand the table aims at\n%s", strings.Join(table, "\n"), strings.Join(aimed, "\n"))
	}
	offered := s.offered()
	for _, field := range offered {
		route, name, _ := strings.Cut(field, "?")
		if !slices.ContainsFunc(spots(), func(f spot) bool { return f.route == route && f.field == name }) {
			t.Errorf("a page offers %s, which is in no row", field)
		}
	}
	if len(offered) < 25 {
		t.Errorf("the pages offer only %v", offered)
	}
}
