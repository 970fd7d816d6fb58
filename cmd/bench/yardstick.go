package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/labstack/echo/v4"
)

// yardstick serves what Keydesk's verify is held against, a bare Echo handler: it writes the very bytes of a good
// answer at /same, and nothing at /204. It prints its address.
func yardstick() error {
	e := echo.New()
	body := []byte(`{"valid":true,"user_id":"ada-lovelace-1","key_id":"01900000-0000-7000-8000-000000000000",` +
		`"masked_key":"********a1B2","expires_at":null}` + "\n")
	e.GET("/same", func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Keydesk-User", "ada-lovelace-1")
		h.Set("X-Keydesk-Key", "01900000-0000-7000-8000-000000000000")
		return c.Blob(http.StatusOK, "application/json", body)
	})
	e.GET("/204", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(os.Stdout, "ready at http://%s\n", listener.Addr()); err != nil {
		return err
	}
	return http.Serve(listener, e)
}
