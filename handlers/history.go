package handlers

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/views"
)

// history shows one tab of Login History; any other word for a tab means the first.
func (a *App) history(c echo.Context) error {
	v := views.History{Page: a.page(c, "Login History"), Tab: views.TabSignIns, Now: a.now()}
	if c.QueryParam("tab") == views.TabChanges {
		v.Tab = views.TabChanges
	}
	before, _ := strconv.ParseInt(c.QueryParam("after"), 10, 64) // what is no number begins with the newest
	ctx := c.Request().Context()
	var more bool
	var err error
	if v.Tab == views.TabChanges {
		if v.Changes, more, err = a.DB.Changes(ctx, who(c), before); more {
			v.After = v.Changes[len(v.Changes)-1].Number
		}
	} else {
		if v.SignIns, more, err = a.DB.SignIns(ctx, who(c), before); more {
			v.After = v.SignIns[len(v.SignIns)-1].Number
		}
	}
	if err != nil {
		return err
	}
	return a.render(c, http.StatusOK, views.HistoryPage(v))
}
