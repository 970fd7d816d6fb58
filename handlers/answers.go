package handlers

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// answer is how an error reaches a person.
type answer struct {
	status          int
	title, sentence string
	wait            time.Duration // after which it may be tried again; 0 when waiting does not help
	look            bool          // whether something was changed is to be looked up
	confirm         bool          // once the person has proved again who they are, it may be tried again
	enrol           bool          // once the person has a passkey, likewise
}

// unsavedWait is after how long somebody may try again what could not be saved.
const unsavedWait = time.Minute

// awayWait is after how long it may be looked whether the database is back.
const awayWait = 5 * time.Second

// answerTo maps every error to its answer, in this one place. The method tells whether anything could have changed.
func answerTo(err error, method string) answer {
	if e, ok := errors.AsType[*access.Error](err); ok {
		return refusal(e)
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return answer{status: http.StatusRequestEntityTooLarge, title: "Too large",
			sentence: "That is more than this desk takes in one request. Nothing was changed."}
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		if is, ok := misdirected(e.Code); ok {
			return is
		}
	}
	return failure(err, method)
}

// refusal answers what the desk refuses with a sentence of its own.
func refusal(e *access.Error) answer {
	is := map[access.Code]answer{
		access.Invalid:   {status: http.StatusUnprocessableEntity, title: "That is not right yet"},
		access.NotFound:  {status: http.StatusNotFound, title: "Not found"},
		access.Denied:    {status: http.StatusForbidden, title: "Not allowed"},
		access.SignedOut: {status: http.StatusUnauthorized, title: "Signed out"},
		access.Clashes:   {status: http.StatusConflict, title: "Not possible as things are"},
		access.Unproven:  {status: http.StatusForbidden, title: "Confirm that it is you", confirm: true},
		access.NoPasskey: {status: http.StatusForbidden, title: "A passkey is needed", enrol: true},
		access.Busy:      {status: http.StatusServiceUnavailable, title: "One moment", wait: time.Second},
		access.TooMany:   {status: http.StatusTooManyRequests, title: "Too many in a short time"},
	}[e.Code]
	if e.Field == "token" {
		is.title = "This link cannot be used"
	}
	is.sentence, is.wait = e.Message, max(is.wait, e.Wait)
	return is
}

// misdirected answers a request that no page takes.
func misdirected(status int) (is answer, ok bool) {
	is.status = status
	switch status {
	case http.StatusNotFound:
		is.title, is.sentence = "Not found", "There is no such page."
	case http.StatusMethodNotAllowed:
		is.title, is.sentence = "Not possible", "This page does not take that kind of request."
	case http.StatusBadRequest:
		is.title, is.sentence = "Not understood", "That request could not be read. Go back, reload the page and try again."
	case http.StatusUnsupportedMediaType:
		is.title, is.sentence = "Not understood", "This desk takes plain forms only, as its own pages send them."
	case http.StatusMisdirectedRequest:
		is.title, is.sentence = "Not here", "This desk is reached from its own machine only, under localhost."
	case http.StatusRequestURITooLong:
		is.title, is.sentence = "Too long", "That address is longer than any of this desk's."
	default:
		return is, false
	}
	return is, true
}

// failure answers what is the desk's own fault, with what became of the change.
func failure(err error, method string) answer {
	const tell = " If it goes on, tell whoever runs this desk the name of this request."
	is := answer{status: http.StatusInternalServerError, title: "Something went wrong"}
	if db.Unavailable(err) {
		is = answer{status: http.StatusServiceUnavailable, title: "One moment", wait: awayWait}
	}
	switch {
	case errors.Is(err, db.ErrStopped) && errors.Is(err, access.ErrUnsaved):
		return answer{
			status: http.StatusServiceUnavailable, title: "Not saved", wait: unsavedWait,
			sentence: "The desk cannot save anything, because its disk has failed. Nothing was changed. Please tell whoever runs " +
				"this desk: it has to be started again.",
		}
	case errors.Is(err, access.ErrUnsaved):
		return answer{
			status: http.StatusServiceUnavailable, title: "Not saved", wait: unsavedWait,
			sentence: "The desk could not save this. Nothing was changed. Please try again in a minute." + tell,
		}
	case is.wait > 0 && isLook(method):
		is.sentence = "The desk cannot reach its data at the moment. Nothing was changed. Please try again in a few seconds." + tell
	case isLook(method):
		is.sentence = "That is our fault, not yours. Nothing was changed. Please try again in a minute." + tell
	default:
		is.look = true
		is.sentence = "That is our fault, not yours. Whether anything was changed is not known: look before you try again." + tell
	}
	return is
}
