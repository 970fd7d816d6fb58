package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/views"
)

// changes fills the tab of the audit log. A filter that does not read shows no entry, and what is wrong with it.
func (a *App) changes(c echo.Context, v *views.History, after string) (err error) {
	ctx := c.Request().Context()
	v.Head, err = a.DB.Head(ctx, who(c))
	if v.Damaged = errors.Is(err, db.ErrLogDamaged); v.Damaged {
		a.Log.Error("the audit log cannot be proven", "error", err, "request", requestID(c)) // its entries are shown all the same
	} else if err != nil {
		return err
	}
	var filter access.ChangeFilter
	if v.Filter, filter = readFilter(c); len(v.Filter.Problems) > 0 {
		return nil
	}
	var more bool
	if v.Changes, more, err = a.DB.Changes(ctx, who(c), filter, number(after)); more {
		v.After = strconv.FormatInt(v.Changes[len(v.Changes)-1].Number, 10)
	}
	return err
}

// readFilter returns the filter as it was typed, with what is wrong with it, and what it means.
func readFilter(c echo.Context) (typed views.ChangeFilter, f access.ChangeFilter) {
	typed = views.ChangeFilter{
		Person: strings.TrimSpace(c.QueryParam("person")), Action: c.QueryParam("action"),
		From: strings.TrimSpace(c.QueryParam("from")), To: strings.TrimSpace(c.QueryParam("to")), Problems: views.Problems{},
	}
	f.Person, f.Action = typed.Person, access.Action(typed.Action)
	if typed.Action != "" && !slices.Contains(access.Recorded(), f.Action) {
		typed.Problems["action"] = "The address asks for something that is never done here. Choose one of the list."
	}
	day := func(name, text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			typed.Problems[name] = "Write the day as 2026-12-31: the year, the month and the day."
		}
		return t
	}
	f.From, f.Until = day("from", typed.From), day("to", typed.To)
	if !f.Until.IsZero() {
		f.Until = f.Until.AddDate(0, 0, 1) // the whole day
	}
	if !f.Until.IsZero() && len(typed.Problems) == 0 && !f.From.Before(f.Until) {
		typed.Problems["to"] = "The last day comes before the first."
	}
	typed.Person, typed.Action, typed.From, typed.To = shown(typed.Person), shown(typed.Action), shown(typed.From), shown(typed.To)
	return typed, f
}

// checkpoint hands out what the log holds now, signed, as `keydesk audit checkpoint` prints it.
func (a *App) checkpoint(c echo.Context) error {
	head, err := a.DB.Head(c.Request().Context(), who(c))
	if err != nil {
		return err
	}
	if head.Size == 0 {
		return access.ErrNotFound
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, fmt.Sprintf(`attachment; filename="keydesk-checkpoint-%d.txt"`, head.Size))
	return c.Blob(http.StatusOK, echo.MIMETextPlainCharsetUTF8, []byte(head.Signed))
}

// changeProof hands out an entry with its proof, which `keydesk audit verify --proof` checks.
func (a *App) changeProof(c echo.Context) error {
	n := number(c.Param("number"))
	p, head, err := a.DB.LogProof(c.Request().Context(), who(c), n)
	if err != nil {
		return err
	}
	line, err := p.Append(nil, head.Signed)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, fmt.Sprintf(`attachment; filename="keydesk-entry-%d.json"`, n))
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, line)
}
