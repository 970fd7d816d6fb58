package handlers

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/keydesk/keydesk/access"
)

// verifyPatience is how long a verify waits for the store before it says that it cannot tell.
const verifyPatience = 2 * time.Second

// accepted is the body of a 200.
type accepted struct {
	Valid     bool       `json:"valid"`
	UserID    string     `json:"user_id"`
	KeyID     string     `json:"key_id"`
	MaskedKey string     `json:"masked_key"`
	ExpiresAt *time.Time `json:"expires_at"`
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
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodTrace || r.Method == http.MethodConnect {
		h.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		writeProblem(w, http.StatusMethodNotAllowed, "method", "TRACE and CONNECT ask nothing here.")
		return
	}
	id := access.NewRequestID()
	defer func() {
		if p := recover(); p != nil {
			a.unavailable(w, r, panicError(p), id)
		}
	}()
	ctx, cancel := context.WithTimeout(r.Context(), verifyPatience)
	defer cancel()
	verdict, key, err := a.judge(ctx, r.Header)
	if err != nil {
		a.unavailable(w, r, err, id)
		return
	}
	a.Log.Debug("verify", "verdict", verdict, "key", key.ID, "request", id)
	if verdict != access.Accepted {
		refuse(w, verdict)
		return
	}
	a.Uses.Add(key.ID, a.now())
	h.Set("X-Keydesk-User", key.UserID)
	h.Set("X-Keydesk-Key", key.ID)
	writeJSON(w, http.StatusOK, "application/json", accepted{
		Valid: true, UserID: key.UserID, KeyID: key.ID, MaskedKey: key.Masked(),
	})
}

// unavailable answers that the desk cannot tell, which is never a yes and never a no.
func (a *App) unavailable(w http.ResponseWriter, r *http.Request, err error, requestID string) {
	a.Log.Log(r.Context(), severity(r), "verify failed", "error", err, "request", requestID)
	w.Header().Del("X-Keydesk-User")
	w.Header().Del("X-Keydesk-Key")
	w.Header().Set("Retry-After", "1")
	writeProblem(w, http.StatusServiceUnavailable, "unavailable", "Keydesk cannot tell at the moment; ask again.")
}

// judge returns the verdict on the key of a request. A key that cannot be one is refused without touching anything.
func (a *App) judge(ctx context.Context, h http.Header) (access.Verdict, access.Key, error) {
	given, different := presented(h)
	switch {
	case different:
		return access.Conflict, access.Key{}, nil
	case given == "":
		return access.Missing, access.Key{}, nil
	}
	if secret, err := access.ParseSecret(given); err == nil {
		return a.DB.Verify(ctx, a.DB.Secrets().Pepper.Fingerprint(secret).Hash)
	}
	return access.Malformed, access.Key{}, nil
}

// blank is the white space of headers (RFC 9110, 5.6.3).
const blank = " \t"

// presented returns the key that the headers carry, as Bearer (RFC 6750; other schemes are ignored) or X-API-Key, and
// whether they carry two that differ.
func presented(h http.Header) (given string, different bool) {
	candidates := slices.Clone(h["X-Api-Key"])
	for _, value := range h["Authorization"] {
		if scheme := strings.IndexAny(value, blank); scheme > 0 && strings.EqualFold(value[:scheme], "Bearer") {
			candidates = append(candidates, value[scheme:])
		}
	}
	for _, candidate := range candidates {
		candidate = strings.Trim(candidate, blank)
		if candidate != "" && given != "" && candidate != given {
			return "", true
		}
		if candidate != "" {
			given = candidate
		}
	}
	return given, false
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
