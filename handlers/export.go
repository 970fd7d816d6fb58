package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
)

// exportPatience is how long a reader may take for each few KiB of the report.
const exportPatience = 30 * time.Second

// keyExport streams the report. It is written down before its first byte leaves.
func (a *App) keyExport(c echo.Context) error {
	status, err := access.ParseStatus(c.QueryParam("status"))
	if err != nil {
		return err
	}
	if c.Request().Method == http.MethodHead {
		a.setReportHeaders(c)
		return c.NoContent(http.StatusOK)
	}
	var report *access.Report
	err = a.DB.Export(c.Request().Context(), who(c), status, func() (err error) {
		a.setReportHeaders(c)
		report, err = access.NewReport(&patientWriter{Response: c.Response()}, a.now())
		return err
	}, func(k access.Key) error { return report.Add(k) })
	if err != nil {
		return err
	}
	return report.Flush()
}

func (a *App) setReportHeaders(c echo.Context) {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	h.Set(echo.HeaderContentDisposition, `attachment; filename="`+access.ReportName(a.now())+`"`)
}

// patientWriter gives a reader of a long answer time for each part of it, rather than for the whole.
type patientWriter struct{ *echo.Response }

func (w *patientWriter) Write(part []byte) (int, error) {
	deadline := time.Now().Add(exportPatience)
	if err := http.NewResponseController(w.Response).SetWriteDeadline(deadline); err != nil {
		return 0, err
	}
	return w.Response.Write(part)
}
