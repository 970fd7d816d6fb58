package handlers

import (
	"net"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// clientAddress returns how the address of a client is found: it is the peer's, unless that is one of the proxies, whose
// X-Forwarded-For is then read from the right, up to the first address that is no proxy. Anything else could be forged.
func clientAddress(proxies []*net.IPNet) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, network := range proxies {
		trust = append(trust, echo.TrustIPRange(network))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

// strange tells whether a request names a host that a desk of this machine does not have: a page of another site whose
// name was made to point here (DNS rebinding) would otherwise share our origin.
func (a *App) strange(r *http.Request) bool {
	if !a.Local {
		return false
	}
	u, err := url.Parse("http://" + r.Host)
	if err != nil {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && u.Hostname() != a.BaseURL.Hostname() && (ip == nil || !ip.IsLoopback())
}

// compress shortens what is read. What carries a secret is left as it is, so that its length tells nothing of it (BREACH):
// answers to posts, such as a new key, and pages with a link's token. So is the report, which is streamed.
func compress() echo.MiddlewareFunc {
	return middleware.GzipWithConfig(middleware.GzipConfig{
		MinLength: 1024,
		Skipper: func(c echo.Context) bool {
			method := c.Request().Method
			if method != http.MethodGet && method != http.MethodHead {
				return true
			}
			return c.Path() == setUpPath || c.Path() == setPasswordPath || c.Path() == exportPath
		},
	})
}
