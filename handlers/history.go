package handlers

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/views"
)

// history shows one tab of Login History; any other word for a tab means the first.
func (a *App) history(c echo.Context) error {
	v := views.History{Page: a.page(c, "Login History"), Tab: c.QueryParam("tab"), Now: a.now()}
	after := c.QueryParam("after")
	v.Later = after != ""
	fill := a.signIns
	switch v.Tab {
	case views.TabAPI:
		fill = a.uses
	case views.TabChanges:
		fill = a.changes
	default:
		v.Tab = views.TabSignIns
	}
	if err := fill(c, &v, after); err != nil {
		return err
	}
	status := http.StatusOK
	if len(v.Filter.Problems) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return a.render(c, status, views.HistoryPage(v))
}

func (a *App) signIns(c echo.Context, v *views.History, after string) (err error) {
	var more bool
	if v.SignIns, more, err = a.DB.SignIns(c.Request().Context(), who(c), number(after)); more {
		v.After = strconv.FormatInt(v.SignIns[len(v.SignIns)-1].Number, 10)
	}
	return err
}

func (a *App) uses(c echo.Context, v *views.History, after string) (err error) {
	v.Uses, v.After, err = a.DB.LastUses(c.Request().Context(), who(c), after)
	return err
}

// number reads where a page goes on; what is no number begins with the newest.
func number(after string) int64 {
	n, _ := strconv.ParseInt(after, 10, 64)
	return n
}
