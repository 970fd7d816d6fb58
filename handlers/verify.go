package handlers

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/verify"
)

// Why verify cannot tell.
var (
	errUnsettled = errors.New("whether the key was deactivated is not known")
	errBehind    = errors.New("what other instances have changed is not known, because the database does not answer")
)

// question is what a verify asks, whichever server it came to.
type question struct {
	key       string // that came, if one did
	different bool   // keys came
	service   string // what the caller says it is
	odd       bool   // TRACE or CONNECT, which ask nothing
}

// verify answers a verify that came to the desk's own address. It never reads a body.
func (a *App) verify(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
		w.Header().Set("Connection", "close") // or net/http would wait for the body before it answers
	}
	v, _ := a.verifies.Get().(*verifying)
	defer a.verifies.Put(v)
	q := question{odd: r.Method == http.MethodTrace || r.Method == http.MethodConnect}
	for _, value := range r.Header["X-Api-Key"] {
		q.apiKey(value)
	}
	for _, value := range r.Header["Authorization"] {
		q.authorization(value)
	}
	if named := r.Header["X-Keydesk-Service"]; len(named) > 0 {
		q.service = named[0]
	}
	got := a.answer(v, q, func() string { return a.echo.IPExtractor(r) })
	if p, ok := r.Context().Value(paceKey{}).(*pace); ok && got.status == http.StatusUnauthorized {
		p.refuse(&a.refusing)
	}
	got.write(w)
}

// answer decides whether the key is good: 200, or 401 with the reason, or 503. It notes a use of the key, from the
// address that from returns.
func (a *App) answer(v *verifying, q question, from func() string) (got reply) {
	if q.odd {
		return newProblem(http.StatusMethodNotAllowed, "method", "TRACE and CONNECT ask nothing here.",
			header{"Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"})
	}
	began, result := time.Now(), unavailableResult
	defer func() {
		if p := recover(); p != nil {
			result, got = unavailableResult, a.unavailable(panicError(p))
		}
		a.metrics.verified(result, time.Since(began))
	}()
	verdict, key, err := a.judge(v, q)
	known := true
	if verdict == access.Accepted {
		got = v.accept(key)
	} else {
		got, known = a.refusals[verdict]
	}
	if !known {
		return a.unavailable(cmp.Or(err, errUnsettled))
	}
	if a.Log.Enabled(context.Background(), slog.LevelDebug) {
		a.Log.Debug("verify", "verdict", verdict, "key", key.ID())
	}
	if verdict == access.Accepted || verdict == access.Deactivated {
		a.noteUse(key, verdict, q.service, from)
	}
	result = verdict
	return got
}

// judge returns the verdict on the key of a request. One that cannot be a key is refused without a look.
func (a *App) judge(v *verifying, q question) (access.Verdict, verify.Key, error) {
	switch {
	case q.different:
		return access.Conflict, verify.Key{}, nil
	case q.key == "":
		return access.Missing, verify.Key{}, nil
	}
	secret, err := access.ParseSecret(q.key)
	if err != nil {
		return access.Malformed, verify.Key{}, nil
	}
	if !a.DB.Current() {
		return "", verify.Key{}, errBehind
	}
	v.under(a.DB.Secrets()) // as they are once it is current: no key has been made under another pepper by then
	verdict, key, hash := v.find(a.Keys, secret)
	if verdict == access.Unknown && v.secrets.Incomplete {
		return "", verify.Key{}, db.ErrSealedAnew
	}
	if verdict != "" {
		return verdict, key, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	err = a.DB.Resolve(ctx, hash, a.Keys.Note)
	verdict, key = a.Keys.Find(hash)
	return verdict, key, err
}

// resolveTime is how long the database may take to tell what became of a key that is in doubt.
const resolveTime = time.Second

// noteUse notes who asked. Anybody can say that they are a service, so its name is kept and decides nothing.
func (a *App) noteUse(key verify.Key, verdict access.Verdict, service string, from func() string) {
	address := ""
	if service = access.ParseService(service); service != access.OtherCallers {
		address = from()
	}
	a.Uses.Add(key, verdict, service, address, a.now())
}

// blank is the white space of headers (RFC 9110, 5.6.3).
const blank = " \t"

// apiKey takes a key from an X-API-Key header.
func (q *question) apiKey(value string) {
	key := strings.Trim(value, blank)
	switch {
	case q.key == "":
		q.key = key
	case key != "" && key != q.key:
		q.different = true
	}
}

// authorization takes a key from an Authorization header, as Bearer (RFC 6750). Other schemes are ignored.
func (q *question) authorization(value string) {
	if scheme := strings.IndexAny(value, blank); scheme > 0 && strings.EqualFold(value[:scheme], "Bearer") {
		q.apiKey(value[scheme:])
	}
}
