package handlers

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/verify"
)

// errUnsettled says that what became of a key is not known.
var errUnsettled = errors.New("whether the key was deactivated is not known")

// verifying is what one verify after the other works with, so that none of them makes it anew.
type verifying struct {
	hasher                 *access.Hasher
	body                   []byte
	noStore, noSniff, json []string // values of headers, which nobody alters
}

func newVerifying(p access.Pepper) *verifying {
	return &verifying{
		hasher: p.Hasher(), body: make([]byte, 0, 256),
		noStore: []string{"no-store"}, noSniff: []string{"nosniff"}, json: []string{"application/json"},
	}
}

// problem is the body of a refusal (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// verify answers whether the key that came with the request is good: 200, or 401 with the reason, or 503. It never
// reads a body.
func (a *App) verify(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
		w.Header().Set("Connection", "close") // or net/http would wait for the body before it answers
	}
	v, _ := a.verifies.Get().(*verifying)
	defer a.verifies.Put(v)
	h := w.Header()
	h["Cache-Control"], h["X-Content-Type-Options"] = v.noStore, v.noSniff
	if r.Method == http.MethodTrace || r.Method == http.MethodConnect {
		h.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		writeProblem(w, http.StatusMethodNotAllowed, "method", "TRACE and CONNECT ask nothing here.")
		return
	}
	result := unavailableResult
	defer func() {
		if p := recover(); p != nil {
			a.unavailable(w, r, panicError(p))
		}
		a.metrics.verified(result, time.Since(began))
	}()
	given, different := presented(r.Header)
	verdict, key := a.judge(v, given, different)
	if verdict == "" {
		a.unavailable(w, r, errUnsettled)
		return
	}
	if a.Log.Enabled(r.Context(), slog.LevelDebug) {
		a.Log.Debug("verify", "verdict", verdict, "key", key.ID(), "request", access.NewToken())
	}
	result = verdict
	switch verdict {
	case access.Accepted:
		v.accept(w, key)
		a.noteUse(r, key, verdict)
	case access.Deactivated:
		refuse(w, verdict)
		a.noteUse(r, key, verdict)
	default:
		refuse(w, verdict)
	}
}

// judge returns the verdict on the key of a request. One that cannot be a key is refused without a look.
func (a *App) judge(v *verifying, given string, different bool) (access.Verdict, verify.Key) {
	switch {
	case different:
		return access.Conflict, verify.Key{}
	case given == "":
		return access.Missing, verify.Key{}
	}
	secret, err := access.ParseSecret(given)
	if err != nil {
		return access.Malformed, verify.Key{}
	}
	return a.Keys.Find(v.hasher.Hash(secret))
}

// noteUse notes who asked. Anybody can say that they are a service, so its name is kept and decides nothing.
func (a *App) noteUse(r *http.Request, key verify.Key, verdict access.Verdict) {
	service := ""
	if named := r.Header["X-Keydesk-Service"]; len(named) > 0 {
		service = access.ParseService(named[0])
	}
	address := a.echo.IPExtractor(r)
	if service == access.OtherCallers {
		address = ""
	}
	a.Uses.Add(key, verdict, service, address, a.now())
}

// accept answers that a key is good. What it writes needs no escaping: a User ID has no quotes.
func (v *verifying) accept(w http.ResponseWriter, key verify.Key) {
	ids := string(key.AppendID(key.AppendUserID(v.body[:0])))
	values := []string{ids[:len(ids)-access.KeyIDLen], ids[len(ids)-access.KeyIDLen:]}
	h := w.Header()
	h["Content-Type"], h["X-Keydesk-User"], h["X-Keydesk-Key"] = v.json, values[0:1:1], values[1:2:2]
	v.body = append(v.body[:0], `{"valid":true,"user_id":"`...)
	v.body = append(append(v.body, values[0]...), `","key_id":"`...)
	v.body = append(append(v.body, values[1]...), `","masked_key":"`...)
	v.body = append(key.AppendMasked(v.body), `","expires_at":null}`+"\n"...)
	_, _ = w.Write(v.body) // who has gone away needs no answer
}

// unavailable answers that the desk cannot tell, which is never a yes and never a no.
func (a *App) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	a.Log.Log(r.Context(), severity(r), "verify failed", "error", err, "request", access.NewToken())
	w.Header().Del("X-Keydesk-User")
	w.Header().Del("X-Keydesk-Key")
	w.Header().Set("Retry-After", "1")
	writeProblem(w, http.StatusServiceUnavailable, "unavailable", "Keydesk cannot tell at the moment; ask again.")
}

// blank is the white space of headers (RFC 9110, 5.6.3).
const blank = " \t"

// presented returns the key that the headers carry, as Bearer (RFC 6750; other schemes are ignored) or X-API-Key, and
// whether they carry two that differ.
func presented(h http.Header) (given string, different bool) {
	for _, value := range h["X-Api-Key"] {
		given, different = oneOf(given, value, different)
	}
	for _, value := range h["Authorization"] {
		if scheme := strings.IndexAny(value, blank); scheme > 0 && strings.EqualFold(value[:scheme], "Bearer") {
			given, different = oneOf(given, value[scheme:], different)
		}
	}
	if different {
		return "", true
	}
	return given, false
}

// oneOf returns the key that was given, before or now, and whether that are two different ones.
func oneOf(given, candidate string, different bool) (string, bool) {
	candidate = strings.Trim(candidate, blank)
	switch {
	case given == "":
		return candidate, different
	case candidate == "":
		return given, different
	}
	return given, different || candidate != given
}

func refuse(w http.ResponseWriter, verdict access.Verdict) {
	detail := map[access.Verdict]string{
		access.Missing:     "No key came with the request. Send it as Authorization: Bearer or X-API-Key.",
		access.Malformed:   "That is not a well-formed API key.",
		access.Conflict:    "Two different keys came with the request. Send one.",
		access.Unknown:     "That is no key of this desk.",
		access.Deactivated: "That key was deactivated.",
	}[verdict]
	challenge := `Bearer error="invalid_token"`
	if verdict == access.Missing {
		challenge = "Bearer" // RFC 6750, 3.1: no error where no credentials came
	}
	w.Header().Set("WWW-Authenticate", challenge)
	writeProblem(w, http.StatusUnauthorized, string(verdict), detail)
}

func writeProblem(w http.ResponseWriter, status int, code, detail string) {
	writeJSON(w, status, "application/problem+json", problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail,
	})
}

func writeJSON(w http.ResponseWriter, status int, mediaType string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // only plain structs come here
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // who has gone away needs no answer
}
