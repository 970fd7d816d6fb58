package access

// Verdict is the answer to a verify: accepted, or why not. Its words are the codes of the wire format.
type Verdict string

// The verdicts. All but Accepted are answered 401.
const (
	Accepted    Verdict = "accepted"
	Missing     Verdict = "missing"     // no key came with the request
	Malformed   Verdict = "malformed"   // form or checksum is wrong
	Conflict    Verdict = "conflict"    // two different keys came
	Unknown     Verdict = "unknown"     // well-formed, but no key of this desk
	Deactivated Verdict = "deactivated" // was a key of this desk
)
