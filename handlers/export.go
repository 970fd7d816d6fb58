package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
)

const (
	exportChunk    = 1000             // rows between two looks at the clock
	exportPatience = 30 * time.Second // for a reader that takes nothing
)

// keyExport streams the report. It is written down before its first byte leaves.
func (a *App) keyExport(c echo.Context) error {
	status, err := access.ParseStatus(c.QueryParam("status"))
	if err != nil {
		return err
	}
	begin := func() {
		h := c.Response().Header()
		h.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
		h.Set(echo.HeaderContentDisposition, `attachment; filename="`+access.ReportName(a.now())+`"`)
	}
	if c.Request().Method == http.MethodHead {
		begin()
		return c.NoContent(http.StatusOK)
	}
	deadline := http.NewResponseController(c.Response())
	var report *access.Report
	rows := 0
	err = a.DB.Export(c.Request().Context(), who(c), status, func() (err error) {
		begin()
		report, err = access.NewReport(c.Response(), a.now())
		return err
	}, func(k access.Key) error {
		if rows++; rows%exportChunk == 0 {
			if err := deadline.SetWriteDeadline(time.Now().Add(exportPatience)); err != nil {
				return err
			}
		}
		return report.Add(k)
	})
	if err != nil {
		return err
	}
	return report.Flush()
}
