package handlers_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// changesOf returns the numbers of the changes that a page shows.
func changesOf(t *testing.T, r reply) (numbers []string) {
	t.Helper()
	for _, row := range cells(t, r.page()) {
		numbers = append(numbers, row[0])
	}
	return numbers
}

// AUD-1: the changes can be asked for by who, what and when, without a script, and a page says so where there is none.
func TestChangesAreFiltered(t *testing.T) {
	d := newDesk(t)
	_, id := d.newKey("alice")
	d.newKey("bob")
	root := d.signIn("root")
	root.post("/admin/keys/"+id+"/deactivate", url.Values{"reason": {"leaked"}}).is(http.StatusSeeOther)
	everything := changesOf(t, root.get("/admin/history?tab=changes").is(http.StatusOK))
	newest, err := strconv.Atoi(everything[0])
	if err != nil || newest != len(everything) {
		t.Fatal(everything)
	}
	today, tomorrow := d.db.Now().UTC().Format(time.DateOnly), d.db.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	last := func(back int) string { return strconv.Itoa(newest - back) }
	for query, want := range map[string][]string{
		"person=alice&action=create+key":             {last(2)},
		"person=alice&action=deactivate+key":         {last(0)}, // about alice, by root
		"person=root&action=deactivate+key":          {last(0)},
		"action=create+key":                          {last(1), last(2)},
		"person=+bob+&action=create+key":             {last(1)},
		"person=nobody":                              nil,
		"action=restore":                             nil,
		"from=" + tomorrow:                           nil,
		"to=2001-01-01":                              nil,
		"from=" + today + "&to=" + today:             everything,
		"from=2001-01-01&to=" + tomorrow:             everything,
		"from=" + today + "&action=create+key":       {last(1), last(2)},
		"to=" + today + "&person=bob&action=set+up":  nil,
		"person=alice&from=2001-01-01&to=2001-01-01": nil,
	} {
		r := root.get("/admin/history?tab=changes&" + query).is(http.StatusOK)
		if got := changesOf(t, r); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
		if asked, _ := url.ParseQuery(query); attr(one(t, r.page(), with("id", "person")), "value") != strings.TrimSpace(asked.Get("person")) {
			t.Errorf("%s: the form has forgotten who", query)
		}
	}
	one(t, root.get("/admin/history?tab=changes&person=nobody").page(), tag("p"), saying("No such change."))
}

func TestFilterThatDoesNotReadStaysAsTyped(t *testing.T) {
	d := newDesk(t)
	root := d.signIn("root")
	for query, row := range map[string]struct{ field, typed, words string }{
		"from=31.12.2026":                {"from", "31.12.2026", "Write the day as 2026-12-31"},
		"to=2026-02-30":                  {"to", "2026-02-30", "Write the day as"},
		"from=2026-03-02&to=2026-03-01":  {"to", "2026-03-01", "The last day comes before the first."},
		"action=dance&person=alice":      {"person", "alice", "The address asks for something that is never done here."},
		"from=x&action=dance&to=y":       {"from", "x", "The address asks for something that is never done here."},
		"from=" + url.QueryEscape("<b>"): {"from", "<b>", "Write the day as"},
	} {
		page := root.get("/admin/history?tab=changes&" + query).is(http.StatusUnprocessableEntity).page()
		if got := attr(one(t, page, with("id", row.field)), "value"); got != row.typed {
			t.Errorf("%s: the field says %q", query, got)
		}
		one(t, page, with("role", "alert"), saying(row.words))
		if choices := all(page, tag("option")); len(choices) != 1+len(access.Recorded()) {
			t.Errorf("%s: one can choose of %d", query, len(choices))
		}
		if rows := cells(t, page); len(rows) != 0 {
			t.Errorf("%s: %v", query, rows)
		}
	}
}

func TestPagesKeepTheFilter(t *testing.T) {
	d := newDesk(t)
	for range 52 {
		d.newKey("alice")
	}
	root := d.signIn("root")
	page := root.get("/admin/history?tab=changes&person=alice&action=create+key&from=2020-01-01").is(http.StatusOK).page()
	next := attr(one(t, page, tag("a"), saying("Older entries")), "href")
	later := root.get(next).is(http.StatusOK)
	if got := changesOf(t, later); len(got) != 2 {
		t.Errorf("%s shows %v", next, got)
	}
	first := attr(one(t, later.page(), tag("a"), saying("Newest entries")), "href")
	if got := changesOf(t, root.get(first)); len(got) != 50 || !strings.Contains(first, "person=alice") {
		t.Errorf("%s shows %v", first, got)
	}
}

// AUD-3, AUD-6: the page shows the signed checkpoint, and each entry's proof is one by the public key alone.
func TestProofIsDownloaded(t *testing.T) {
	d := newDesk(t)
	d.newKey("alice")
	root := d.signIn("root")
	page := root.get("/admin/history?tab=changes").is(http.StatusOK).page()
	verifiers, err := access.ParseVerifiers(d.db.Secrets().Verifiers)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := access.OpenCheckpoint(one(t, page, tag("pre")).FirstChild.Data, verifiers)
	if err != nil || shown.Size != int64(len(cells(t, page))) {
		t.Errorf("the page shows %+v, %v", shown, err)
	}
	one(t, page, tag("code"), with("title", shown.Root.String()))
	file := root.get(attr(one(t, page, tag("a"), saying("Download checkpoint")), "href")).is(http.StatusOK)
	if file.body != one(t, page, tag("pre")).FirstChild.Data ||
		file.header.Get("Content-Disposition") != `attachment; filename="keydesk-checkpoint-`+strconv.FormatInt(shown.Size, 10)+`.txt"` {
		t.Errorf("the file is %q, %v", file.body, file.header)
	}
	for _, a := range all(page, tag("a"), leading("href", "/admin/history/proof/")) {
		r := root.get(attr(a, "href")).is(http.StatusOK)
		line, err := access.ParseLogLine([]byte(r.body))
		if err != nil {
			t.Fatal(err)
		}
		p, there, err := line.Proof()
		if err != nil || !there {
			t.Fatalf("%s: %v", r.body, err)
		}
		signed, err := access.OpenCheckpoint(line.Checkpoint, verifiers)
		if err != nil {
			t.Fatal(err)
		}
		change, err := p.Check(signed)
		number := strconv.FormatInt(change.Number, 10)
		if err != nil || attr(a, "href") != "/admin/history/proof/"+number ||
			r.header.Get("Content-Disposition") != `attachment; filename="keydesk-entry-`+number+`.json"` || !json.Valid([]byte(r.body)) {
			t.Errorf("%s: %v %v", r.body, r.header, err)
		}
	}
	for _, bad := range []string{"0", "-1", "999", "x", "1.5", "9223372036854775808"} {
		root.get("/admin/history/proof/" + bad).is(http.StatusNotFound)
	}
}

// A row stays readable: of a public key it has what tells it from others.
func TestRotationIsShownWithoutThePublicKey(t *testing.T) {
	d := newDesk(t)
	done, err := d.db.RotateSecrets(t.Context(), access.TheOperator(), db.Rotation{Pepper: true, Signing: true})
	if err != nil {
		t.Fatal(err)
	}
	row := cells(t, d.signIn("root").get("/admin/history?tab=changes&action=rotate+secrets").is(http.StatusOK).page())[0]
	digits := strings.Split(done.Signing, "+")[1]
	if want := "new pepper " + done.Pepper + ", new signing key " + digits; !slices.Contains(row, want) {
		t.Errorf("the row is %q, and lacks %q", row, want)
	}
}

// AUD-4: a log that does not end as it was signed is said to be damaged, and its entries are shown all the same.
func TestDamagedLogIsToldOf(t *testing.T) {
	d := newDesk(t)
	root := d.signIn("root")
	dropped := `DROP TRIGGER audit_head_signed`
	if db.IsPostgres(d.path) {
		dropped += ` ON audit_head; DROP TRIGGER audit_head_forward ON audit_head`
	}
	dbtest.Exec(t, d.path, dropped)
	dbtest.Exec(t, d.path, `UPDATE audit_head SET checkpoint = 'damaged'`)
	page := root.get("/admin/history?tab=changes").is(http.StatusOK).page()
	if main := text(one(t, page, tag("main"))); !strings.Contains(main, "The audit log is damaged") {
		t.Errorf("the page says %q", main)
	}
	if len(cells(t, page)) == 0 {
		t.Error("no entry is shown")
	}
}
