package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// databaseFlags say where the database is.
type databaseFlags struct {
	Database string `default:"keydesk.db" env:"KEYDESK_DATABASE" placeholder:"FILE|URL" help:"SQLite database file, or postgres://... for several instances (${env}; default ${default})."`
}

// check refuses what cannot be opened, rather than make a file of that name, and a folder that is not there.
func (f databaseFlags) check() error {
	if db.IsPostgres(f.Database) {
		if err := db.CheckURL(f.Database); err != nil {
			return fmt.Errorf("--database: %w", err)
		}
		return nil
	}
	if scheme, _, ok := strings.Cut(f.Database, "://"); ok {
		return fmt.Errorf("--database: there is no %s here: give the path of an SQLite file, or a URL that begins with postgres://", scheme)
	}
	if folder := filepath.Dir(f.Database); missing(folder) {
		return fmt.Errorf("--database: there is no folder %s; make it first, or name another file", folder)
	}
	return nil
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// secretFlags say where the root secret is. The secret itself comes in KEYDESK_SECRET or a file, never as a flag,
// which other users of the machine could see.
type secretFlags struct {
	SecretFile         string `env:"KEYDESK_SECRET_FILE" placeholder:"FILE" help:"File with the root secret, made on first start (${env}; default keydesk.secret beside an SQLite database). KEYDESK_SECRET, the secret itself in 64 hex digits, goes before it."`
	SecretPreviousFile string `env:"KEYDESK_SECRET_PREVIOUS_FILE" placeholder:"FILE" help:"File with the root secret that was in use before, while it is rotated (${env}; default none). KEYDESK_SECRET_PREVIOUS, the secret itself, goes before it."`
}

// webFlags are the settings of the web server.
type webFlags struct {
	Addr           string   `default:"127.0.0.1:8080" env:"KEYDESK_ADDR" placeholder:"HOST:PORT" help:"Address to listen on (${env}; default ${default})."`
	BaseURL        string   `name:"base-url" env:"KEYDESK_BASE_URL" placeholder:"URL" help:"How browsers reach the desk (${env}; default from the address). https makes cookies Secure and sends HSTS."`
	InsecureHTTP   bool     `name:"insecure-http" env:"KEYDESK_INSECURE_HTTP" help:"Listen on other than loopback without TLS in front: passwords and keys cross the network readable (${env})."`
	VerifyAddr     string   `name:"verify-addr" env:"KEYDESK_VERIFY_ADDR" placeholder:"HOST:PORT" help:"Serve verify and /metrics on this address too, to be kept on an inner network (${env}; default none)."`
	KeyPrefix      string   `default:"kd_" env:"KEYDESK_KEY_PREFIX" placeholder:"PREFIX_" help:"What new keys begin with (${env}; default ${default})."`
	MaxKeys        int      `default:"100" env:"KEYDESK_MAX_KEYS" placeholder:"N" help:"Active keys that a user may have (${env}; default ${default}). Inactive ones do not count."`
	CreateRate     int      `default:"60" env:"KEYDESK_CREATE_RATE" placeholder:"N" help:"Keys that a user may make within a minute (${env}; default ${default})."`
	SessionIdle    string   `default:"1h" env:"KEYDESK_SESSION_IDLE" placeholder:"TIME" help:"A session ends this long after its last request (${env}; default ${default})."`
	SessionMax     string   `default:"12h" env:"KEYDESK_SESSION_MAX" placeholder:"TIME" help:"A session ends this long after sign-in (${env}; default ${default})."`
	FreshProof     string   `default:"10m" env:"KEYDESK_FRESH_PROOF" placeholder:"TIME" help:"Who changes a role, resets a password, adds a user, exports, or adds or removes passkeys, proves again who they are when the last proof is older than this; 0 for never (${env}; default ${default})."`
	AdminPasskeys  bool     `env:"KEYDESK_ADMIN_PASSKEYS" help:"Administrators need a passkey: without one they can do nothing that only administrators do (${env})."`
	TrustedProxies []string `env:"KEYDESK_TRUSTED_PROXIES" placeholder:"NETWORK" help:"The proxies' own addresses, such as 127.0.0.1, whose X-Forwarded-For is believed; a network only if no client is in it (${env}; default none)."`
	KeepHistory    int      `default:"400" env:"KEYDESK_KEEP_HISTORY" placeholder:"DAYS" help:"Days that sign-ins and uses of keys are kept (${env}; default ${default}). The audit log is kept for ever."`
	LogLevel       string   `default:"info" env:"KEYDESK_LOG_LEVEL" placeholder:"LEVEL" help:"debug, info, warn or error (${env}; default ${default})."`
}

// web is what webFlags say, parsed.
type web struct {
	base    *url.URL // how browsers reach the desk
	limits  access.SessionLimits
	keys    access.KeyLimits
	fresh   time.Duration // how old a proof of identity may be; 0 for any age
	proxies []*net.IPNet  // whose X-Forwarded-For is believed
	keep    time.Duration // how long sign-ins and uses are kept
	local   bool          // reached from this machine only
}

// parse checks the settings. addr is where the desk listens, or will.
func (f webFlags) parse(addr string) (w web, err error) {
	if err := access.CheckPrefix(f.KeyPrefix); err != nil {
		return w, fmt.Errorf("--key-prefix: %w", err)
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return w, fmt.Errorf("--addr: %q is not an address such as 127.0.0.1:8080", addr)
	}
	if w.limits, err = f.limits(); err != nil {
		return w, err
	}
	if w.fresh, err = time.ParseDuration(f.FreshProof); err != nil || w.fresh < 0 || w.fresh > 0 && w.fresh < time.Minute {
		return w, fmt.Errorf("--fresh-proof: %q is not a time of a minute or more, such as 10m, nor 0", f.FreshProof)
	}
	if f.MaxKeys < 1 || f.CreateRate < 1 {
		return w, errors.New("--max-keys and --create-rate must be 1 or more")
	}
	if w.proxies, err = parseNetworks(f.TrustedProxies); err != nil {
		return w, err
	}
	if f.KeepHistory < 1 || f.KeepHistory > maxKeepHistory {
		return w, fmt.Errorf("--keep-history must be between 1 and %d days", maxKeepHistory)
	}
	w.keep = time.Duration(f.KeepHistory) * 24 * time.Hour
	w.keys = access.KeyLimits{Active: f.MaxKeys, PerMinute: f.CreateRate}
	if w.base, err = f.baseURL(addr); err != nil {
		return w, err
	}
	if f.AdminPasskeys && !takesPasskeys(w.base) {
		return w, fmt.Errorf("--admin-passkeys: no browser takes a passkey at %s: give an https --base-url with a name", w.base)
	}
	if err := f.checkVerifyAddr(w.base); err != nil {
		return w, err
	}
	w.local = loopback(host) && loopback(w.base.Hostname())
	if !w.local && w.base.Scheme != "https" && !f.InsecureHTTP {
		return w, fmt.Errorf("%s (--addr %s) can be reached from other machines: put TLS in front and give --base-url "+
			"https://..., or say --insecure-http", w.base, addr)
	}
	return w, nil
}

// checkVerifyAddr holds the second address to the same rule as the first: keys come there.
func (f webFlags) checkVerifyAddr(base *url.URL) error {
	if f.VerifyAddr == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(f.VerifyAddr)
	if err != nil {
		return fmt.Errorf("--verify-addr: %q is not an address such as 127.0.0.1:8081", f.VerifyAddr)
	}
	if !loopback(host) && base.Scheme != "https" && !f.InsecureHTTP {
		return fmt.Errorf("--verify-addr %s can be reached from other machines: put TLS in front and give --base-url "+
			"https://..., or say --insecure-http", f.VerifyAddr)
	}
	return nil
}

// insideLocal tells whether the second address is reached from this machine only.
func (f webFlags) insideLocal() bool {
	host, _, _ := net.SplitHostPort(f.VerifyAddr)
	return f.VerifyAddr == "" || loopback(host)
}

const maxKeepHistory = 36500 // days

// parseNetworks reads addresses and networks.
func parseNetworks(texts []string) (networks []*net.IPNet, err error) {
	for _, text := range texts {
		_, network, err := net.ParseCIDR(text)
		if ip := net.ParseIP(text); err != nil && ip != nil {
			network = &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))}
		} else if err != nil {
			return nil, fmt.Errorf("--trusted-proxies: %q is no address such as 127.0.0.1, nor a network", text)
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// warn says what is likely to be a mistake.
func (w web) warn(log *slog.Logger) {
	if w.base.Scheme == "https" && len(w.proxies) == 0 {
		log.Warn("no --trusted-proxies: every request seems to come from the proxy in front, so that a few wrong passwords " +
			"make everybody wait; give its address")
	}
}

// baseURL returns how browsers reach the desk that listens on addr.
func (f webFlags) baseURL(addr string) (*url.URL, error) {
	if f.BaseURL == "" {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, fmt.Errorf("--addr: %w", err)
		}
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "localhost"
		}
		return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}, nil
	}
	u, err := url.Parse(f.BaseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("--base-url: %q is not a URL such as https://keys.example.com", f.BaseURL)
	}
	u.Path, u.Host = "", strings.TrimSuffix(strings.ToLower(u.Host), map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
	return u, nil // spelt as browsers spell it
}

// takesPasskeys tells whether browsers take passkeys there: under a name, and where nobody listens (WebAuthn, 5).
func takesPasskeys(base *url.URL) bool {
	host := base.Hostname()
	return loopback(host) || base.Scheme == "https" && net.ParseIP(host) == nil
}

func (f webFlags) limits() (l access.SessionLimits, err error) {
	if l.Idle, err = time.ParseDuration(f.SessionIdle); err != nil {
		return l, fmt.Errorf("--session-idle: %q is not a time such as 30m", f.SessionIdle)
	}
	if l.Max, err = time.ParseDuration(f.SessionMax); err != nil {
		return l, fmt.Errorf("--session-max: %q is not a time such as 12h", f.SessionMax)
	}
	if l.Idle < time.Minute || l.Max < l.Idle {
		return l, errors.New("--session-idle must be 1m or more, and --session-max no less than it")
	}
	return l, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
