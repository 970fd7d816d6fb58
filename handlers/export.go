package handlers

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/views"
)

// exportPatience is how long a reader may take for each piece of the report, of so many bytes.
const (
	exportPatience = 30 * time.Second
	exportPiece    = 16 << 10
)

// longExport is from how many keys on people are told how long the report is before they download it.
const longExport = 100_000

// keyExportSize leads to the report, but first tells how long a long one is.
func (a *App) keyExportSize(c echo.Context) error {
	n, sample, err := a.DB.ExportSize(c.Request().Context(), who(c))
	if err != nil {
		return err
	}
	if n <= longExport {
		return c.Redirect(http.StatusSeeOther, exportPath)
	}
	var rows []byte
	for _, k := range sample {
		rows = access.NewReport(a.now()).Append(rows, k)
	}
	return a.render(c, http.StatusOK, views.ExportPage(views.Export{
		Page: a.page(c, "Export Account API Key"), Rows: n, Bytes: int64(n) * int64(len(rows)) / int64(len(sample)),
	}))
}

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
	out := &patientWriter{Response: c.Response()}
	return a.DB.Export(c.Request().Context(), who(c), status, db.Export{
		Begin: func() error {
			a.setReportHeaders(c)
			_, err := out.Write([]byte(access.ReportHeader))
			return err
		},
		Row: access.NewReport(a.now()).Append,
		Write: func(part []byte, _ int) error {
			_, err := out.Write(part)
			return err
		},
	})
}

func (a *App) setReportHeaders(c echo.Context) {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	h.Set(echo.HeaderContentDisposition, `attachment; filename="`+access.ReportName(a.now())+`"`)
}

// patientWriter gives a reader of a long answer time for each part of it, rather than for the whole.
type patientWriter struct{ *echo.Response }

func (w *patientWriter) Write(part []byte) (n int, err error) {
	for piece := range slices.Chunk(part, exportPiece) {
		deadline := time.Now().Add(exportPatience)
		if err := http.NewResponseController(w.Response).SetWriteDeadline(deadline); err != nil {
			return n, err
		}
		sent, err := w.Response.Write(piece)
		n += sent
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
