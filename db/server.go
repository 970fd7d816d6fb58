package db

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
)

// Errors of a PostgreSQL server.
var (
	ErrNotURL      = errors.New("that is no URL of a PostgreSQL database, such as postgres://keydesk@db.example/keydesk")
	ErrUnreachable = errors.New("PostgreSQL cannot be reached")
	ErrTooOld      = errors.New("PostgreSQL 15 or newer is needed")
	ErrReadOnly    = errors.New("this PostgreSQL can only be read: name the primary, or all servers, of which it is found")
)

// How long PostgreSQL is waited for.
const (
	connectTime = 5 * time.Second
	patience    = 10 * time.Second // for any answer; then the connection is given up
)

// atWork are the settings of connections that pages wait for. A process that was stopped in the middle of a change, or cut
// off, holds up the others no longer than it may be idle.
var atWork = map[string]string{
	"statement_timeout": "9000", "lock_timeout": "8000", "idle_in_transaction_session_timeout": "5000", // ms
}

// server is a PostgreSQL database and how to reach it.
type server struct {
	config *pgx.ConnConfig
	known  *whereabouts
}

// IsPostgres tells whether a database is named as PostgreSQL's are: any other name is that of a file.
func IsPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// CheckURL returns ErrNotURL, with the reason, unless the URL can be read. The password is never in it.
func CheckURL(database string) error {
	_, err := parseServer(database)
	return err
}

func parseServer(database string) (*server, error) {
	named, err := url.Parse(database)
	if err != nil {
		return nil, fmt.Errorf("%w; write such characters as / # %% @ in a password as %%2F %%23 %%25 %%40", ErrNotURL)
	}
	config, err := pgx.ParseConfig(database)
	if err != nil {
		_, reason, _ := strings.Cut(err.Error(), "`: ") // behind the URL
		password, _ := named.User.Password()
		if reason == "" || password != "" && strings.Contains(reason, password) {
			return nil, ErrNotURL
		}
		return nil, fmt.Errorf("%w: %s", ErrNotURL, reason)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTime
	}
	if _, set := config.RuntimeParams["application_name"]; !set {
		config.RuntimeParams["application_name"] = "keydesk"
	}
	known := &whereabouts{}
	config.DialFunc = known.dial
	return &server{config, known}, nil
}

// String returns which database it is, without the password.
func (s *server) String() string {
	u := url.URL{
		Scheme: "postgres", User: url.User(s.config.User), Path: "/" + s.config.Database,
		Host: net.JoinHostPort(s.config.Host, fmt.Sprint(s.config.Port)),
	}
	if strings.HasPrefix(s.config.Host, "/") { // the folder of a socket
		u.Host, u.RawQuery = fmt.Sprint(":", s.config.Port), "host="+s.config.Host
	}
	return u.String()
}

// with returns the server with settings for its connections, where the URL says nothing of them.
func (s *server) with(settings map[string]string) *server {
	config := s.config.Copy()
	for name, value := range settings {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
	return &server{config, s.known}
}

// writing returns the server as it is written: no other than a primary, which waits for the disk, and for its standbys
// as it was told to.
func (s *server) writing() *server {
	w := s.with(map[string]string{"default_transaction_isolation": "read committed"}) // as the triggers need it
	w.config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	return w
}

// reading returns the server as it is only read, and not from a standby, which may be behind.
func (s *server) reading() *server {
	r := s.with(nil)
	r.config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	maps.Copy(r.config.RuntimeParams, map[string]string{"default_transaction_read_only": "on"})
	return r
}

// pool returns a pool of connections, which are made when they are needed.
func (s *server) pool(most int) *sqlx.DB {
	pool := stdlib.OpenDB(*s.config, stdlib.OptionBeforeConnect(s.toPrimary))
	pool.SetMaxOpenConns(most)
	pool.SetMaxIdleConns(most)
	pool.SetConnMaxLifetime(30 * time.Minute)
	return sqlx.NewDb(pool, "pgx")
}

// connect makes one connection. Its error is one line, and says which server it is about.
func (s *server) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := s.find(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s, connectError(err))
	}
	return conn, nil
}

// connectError says in a sentence why there is no connection.
func connectError(err error) error {
	if errors.Is(err, pgconn.ErrReadOnlyConnection) || errors.Is(err, pgconn.ErrStandbyConnection) {
		return ErrReadOnly
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("%w: %s", ErrUnreachable, refused.Message)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: no answer in time", ErrUnreachable)
	}
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		err = cause // the innermost has no prefix
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("%w: %s", ErrUnreachable, line)
}
