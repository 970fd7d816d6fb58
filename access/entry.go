package access

import (
	"encoding/json"
	"fmt"
	"time"
)

// Trace is what a change made of one row, or of a whole table, by which a row that was changed otherwise is found. Rows
// are told by digests: the log can be given away without what people are called.
type Trace struct {
	Table       string `json:"table"`
	ID          string `json:"id,omitempty"`    // of the row; empty for the whole table, in the order of its ids
	Count       int64  `json:"count,omitempty"` // rows of the whole table
	Was         string `json:"was,omitempty"`   // digest before the change, in base64; empty where there was no row
	Is          string `json:"is,omitempty"`    // and after it
	Deactivated bool   `json:"deactivated,omitempty"`
	Reason      string `json:"reason,omitempty"` // of the deactivation
}

// EntryTime is how an entry spells its time: RFC 3339, in UTC, with its microseconds.
const EntryTime = "2006-01-02T15:04:05.000000Z"

// Entry returns the entry of the audit log as it is hashed: a JSON object whose fields come in a fixed order, in one
// spelling only.
func (c Change) Entry() ([]byte, error) {
	entry, err := json.Marshal(entry{
		Number: c.Number, At: c.At.UTC().Format(EntryTime), Actor: c.Actor, Address: c.Address, Action: c.Action, UserID: c.UserID,
		KeyID: c.KeyID, Detail: c.Detail,
	})
	if err != nil {
		return nil, err
	}
	// As they stand in the database, so that no other spelling of them makes the same entry.
	return append(entry[:len(entry)-1], `,"traces":`+c.Traces+"}"...), nil
}

// ParseEntry returns the change of an entry, with its traces.
func ParseEntry(text []byte) (Change, []Trace, error) {
	var e struct {
		entry
		Traces json.RawMessage `json:"traces"`
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return Change{}, nil, fmt.Errorf("read entry: %w", err)
	}
	at, err := time.Parse(EntryTime, e.At)
	if err != nil {
		return Change{}, nil, fmt.Errorf("read entry: %w", err)
	}
	traces, err := ParseTraces(string(e.Traces))
	return Change{
		Number: e.Number, At: at, Actor: e.Actor, Address: e.Address, Action: e.Action, UserID: e.UserID, KeyID: e.KeyID,
		Detail: e.Detail, Traces: string(e.Traces),
	}, traces, err
}

type entry struct {
	Number  int64  `json:"number"`
	At      string `json:"at"`
	Actor   string `json:"actor"`
	Address string `json:"address"`
	Action  Action `json:"action"`
	UserID  string `json:"user_id"`
	KeyID   string `json:"key_id"`
	Detail  string `json:"detail"`
}

// FormatTraces returns the traces as they stand in an entry.
func FormatTraces(traces []Trace) (string, error) {
	if len(traces) == 0 {
		return "[]", nil
	}
	text, err := json.Marshal(traces)
	return string(text), err
}

// ParseTraces returns what FormatTraces wrote.
func ParseTraces(text string) (traces []Trace, err error) {
	if err := json.Unmarshal([]byte(text), &traces); err != nil {
		return nil, fmt.Errorf("read traces: %w", err)
	}
	return traces, nil
}
