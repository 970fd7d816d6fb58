package handlers

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/verify"
)

// reply is what a verify is answered with. Besides its headers each has Cache-Control: no-store and
// X-Content-Type-Options: nosniff. The body of a yes is good until the next one.
type reply struct {
	status  int
	headers [3]header
	body    []byte
}

// header is one of an answer's, its name spelt as net/http does. Without a name it is none.
type header struct{ name, value string }

// write writes the answer. It allocates once for all headers.
func (got reply) write(w http.ResponseWriter) {
	values := [...]string{got.headers[0].value, got.headers[1].value, got.headers[2].value, "no-store", "nosniff"}
	all, h := values[:], w.Header()
	for i, header := range got.headers {
		if header.name != "" {
			h[header.name] = all[i : i+1 : i+1]
		}
	}
	h["Cache-Control"], h["X-Content-Type-Options"] = all[3:4:4], all[4:5:5]
	w.WriteHeader(got.status)
	_, _ = w.Write(got.body) // who has gone away needs no answer
}

// verifying is what one verify after the other works with, so that none of them makes it anew.
type verifying struct {
	secrets *db.Secrets      // that the hashers are of
	hashers []*access.Hasher // one for each pepper
	body    []byte
}

// under has keys hashed under all peppers that there are.
func (v *verifying) under(s *db.Secrets) {
	if v.secrets == s {
		return
	}
	v.secrets, v.hashers = s, nil
	for _, p := range s.Peppers {
		v.hashers = append(v.hashers, p.Hasher())
	}
}

// find returns the verdict on the key, the key unless it is unknown, and its hash. However it is found, it was hashed under
// every pepper and looked for as often: how long that takes tells nothing of the key.
func (v *verifying) find(keys *verify.Table, secret access.Secret) (access.Verdict, verify.Key, *[access.HashLen]byte) {
	verdict, key, hash := access.Unknown, verify.Key{}, (*[access.HashLen]byte)(nil)
	for _, h := range v.hashers {
		sum := h.Hash(secret)
		if is, found := keys.Find(sum); is != access.Unknown {
			verdict, key, hash = is, found, sum
		}
	}
	return verdict, key, hash
}

// accept answers that a key is good. What it says needs no escaping: a User ID has no quotes.
func (v *verifying) accept(key verify.Key) reply {
	ids := string(key.AppendID(key.AppendUserID(v.body[:0])))
	user, id := ids[:len(ids)-access.KeyIDLen], ids[len(ids)-access.KeyIDLen:]
	v.body = append(v.body[:0], `{"valid":true,"user_id":"`...)
	v.body = append(append(v.body, user...), `","key_id":"`...)
	v.body = append(append(v.body, id...), `","masked_key":"`...)
	v.body = append(key.AppendMasked(v.body), `","expires_at":null}`+"\n"...)
	return reply{http.StatusOK, [3]header{
		{"Content-Type", "application/json"}, {"X-Keydesk-User", user}, {"X-Keydesk-Key", id},
	}, v.body}
}

// newRefusals returns the answers that a key is not good, and why, by verdict; what is none of them is not known. Each is
// made once: a flood of bad keys is to cost no more than as many good ones.
func newRefusals() map[access.Verdict]reply {
	refusals := map[access.Verdict]reply{}
	for verdict, detail := range map[access.Verdict]string{
		access.Missing:     "No key came with the request. Send it as Authorization: Bearer or X-API-Key.",
		access.Malformed:   "That is not a well-formed API key.",
		access.Conflict:    "Two different keys came with the request. Send one.",
		access.Unknown:     "That is no key of this desk.",
		access.Deactivated: "That key was deactivated.",
	} {
		challenge := `Bearer error="invalid_token"`
		if verdict == access.Missing {
			challenge = "Bearer" // RFC 6750, 3.1: no error where no credentials came
		}
		refusals[verdict] = newProblem(http.StatusUnauthorized, string(verdict), detail, header{"Www-Authenticate", challenge})
	}
	return refusals
}

// failureEvery is how often it is said that verify cannot tell. Who holds such a key may ask thousands of times a second;
// the metrics count each.
const failureEvery = time.Minute

// unavailable answers that the desk cannot tell, which is never a yes and never a no.
func (a *App) unavailable(err error) reply {
	now := time.Now().UnixNano()
	if said := a.failureSaid.Load(); now-said >= int64(failureEvery) && a.failureSaid.CompareAndSwap(said, now) {
		a.Log.Error("verify failed", "error", err)
	}
	return newProblem(http.StatusServiceUnavailable, "unavailable", "Keydesk cannot tell at the moment; ask again.",
		header{"Retry-After", "1"})
}

// problem is the body of a refusal (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func newProblem(status int, code, detail string, more header) reply {
	text, err := json.Marshal(problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail,
	})
	if err != nil {
		panic(err) // it holds texts of ours only
	}
	return reply{status, [3]header{{"Content-Type", "application/problem+json"}, more}, append(text, '\n')}
}
