package access

import "time"

// MostPasskeys is how many passkeys a person has at most.
const MostPasskeys = 20

// CeremonyLife is how long a challenge can be answered, and how long a right password waits for the passkey that it needs.
const CeremonyLife = 5 * time.Minute

// Passkey is a WebAuthn credential: a key pair in somebody's authenticator, of which the desk knows the public half.
type Passkey struct {
	ID           string // UUIDv7
	UserID       string
	Handle       []byte // random; by which authenticators know the account (WebAuthn, user handle)
	CredentialID []byte
	Record       []byte // what the protocol keeps of it, in the form of whoever speaks it
	Name         string // as its owner typed; may be empty
	CreatedAt    time.Time
	UsedAt       time.Time // zero for never
	SignCount    uint32    // as the authenticator counted last
	BackedUp     bool      // its owner's other devices have it too
}

// PasskeyUse is an answer of a passkey to a challenge, of which the signature was found good.
type PasskeyUse struct {
	ID        string // of the passkey
	Challenge []byte // hash of it: it is answered once
	SignCount uint32
	BackedUp  bool
}

// Means is by what somebody tries to prove who they are.
type Means string

// The means. A recovery code stands in for a passkey that is not at hand.
const (
	ByPassword            Means = "password"
	ByPasskey             Means = "passkey"
	ByPasswordAndPasskey  Means = "password and passkey"
	ByPasswordAndRecovery Means = "password and recovery code"
)

// Strong tells whether a passkey, or what stands in for it, is part of the means.
func (m Means) Strong() bool { return m != ByPassword && m != "" }

// SecondFactor is what a person has beside the password.
type SecondFactor struct {
	Passkeys      []Passkey // the oldest first
	RecoveryCodes int       // those that are not used yet
}

// clockSkew is by how much the clocks of instances may differ.
const clockSkew = time.Minute

// Fresh tells whether a proof of identity of then is at most limit old; without a limit it always is. One from the future of a
// clock that was set back is not.
func Fresh(then, now time.Time, limit time.Duration) bool {
	return limit <= 0 || now.Sub(then) >= -clockSkew && now.Sub(then) <= limit
}
