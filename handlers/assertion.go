package handlers

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
)

// owner is a person as the protocol knows them.
type owner struct {
	handle      []byte
	name        string
	credentials []webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return o.handle }
func (o owner) WebAuthnName() string                       { return o.name }
func (o owner) WebAuthnDisplayName() string                { return o.name }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.credentials }

// ownerOf returns the person with these passkeys, of whom there is at least one.
func ownerOf(userID string, passkeys []access.Passkey) (owner, error) {
	o := owner{handle: passkeys[0].Handle, name: userID}
	for _, p := range passkeys {
		var kept webauthn.Credential
		if err := json.Unmarshal(p.Record, &kept); err != nil {
			return o, errors.New("a stored passkey does not parse")
		}
		kept.Authenticator.SignCount, kept.Flags.BackupState = p.SignCount, p.BackedUp
		o.credentials = append(o.credentials, kept)
	}
	return o, nil
}

// errNoParty refuses where no passkey can be used.
func errNoParty() error {
	return access.Refuse(access.Clashes, "", "Passkeys need a desk that is reached by a name, not by a number.")
}

// challenge answers with what a passkey is asked to sign. Of whom the ceremony names, that person's passkeys are asked.
func (a *App) challenge(c echo.Context, s ceremony) error {
	if a.party == nil {
		return errNoParty()
	}
	var who owner
	if s.UserID != "" {
		factor, err := a.DB.SecondFactor(c.Request().Context(), s.UserID)
		if err != nil {
			return err
		}
		if len(factor.Passkeys) == 0 {
			return access.Refuse(access.Clashes, "", "This account has no passkey.")
		}
		if who, err = ownerOf(s.UserID, factor.Passkeys); err != nil {
			return err
		}
	}
	asked, session, err := a.ask(s, who)
	if err != nil {
		return err
	}
	if s.Challenge, err = base64.RawURLEncoding.DecodeString(session.Challenge); err != nil {
		return err
	}
	if err := a.begin(c, s); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, asked.Response)
}

// ask returns the challenge of a ceremony, and what its answer is held against. A ceremony that has one keeps it.
func (a *App) ask(s ceremony, who owner) (*protocol.CredentialAssertion, *webauthn.SessionData, error) {
	verification := protocol.VerificationRequired // the passkey stands alone: it must know its owner
	if s.For == forSecond {
		verification = protocol.VerificationPreferred
	}
	options := []webauthn.LoginOption{webauthn.WithUserVerification(verification)}
	if s.Challenge != nil {
		options = append(options, webauthn.WithChallenge(s.Challenge))
	}
	if s.UserID == "" {
		return a.party.BeginDiscoverableLogin(options...)
	}
	return a.party.BeginLogin(who, options...)
}

// answered returns whose passkey has answered the ceremony's challenge, and how. The use is nil where the answer is not good, and
// the User ID is empty where it is of no passkey that is known here. Whether it is the first answer is for the database to say.
func (a *App) answered(ctx context.Context, s ceremony, credential string) (userID string, use *access.PasskeyUse, err error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(credential))
	if err != nil || s.Challenge == nil || a.party == nil {
		return "", nil, nil //nolint:nilerr // what nobody can read is no good answer, and no error of the desk's
	}
	passkey, err := a.DB.PasskeyOf(ctx, parsed.RawID)
	if err != nil || passkey.ID == "" || s.UserID != "" && passkey.UserID != s.UserID {
		return "", nil, err
	}
	factor, err := a.DB.SecondFactor(ctx, passkey.UserID)
	if err != nil || len(factor.Passkeys) == 0 {
		return "", nil, err
	}
	who, err := ownerOf(passkey.UserID, factor.Passkeys)
	if err != nil {
		return "", nil, err
	}
	who.handle = passkey.Handle
	signed, err := a.validate(s, who, parsed)
	if err != nil || signed.Authenticator.CloneWarning {
		return passkey.UserID, nil, nil //nolint:nilerr // an answer that is not good is no error of the desk's
	}
	return passkey.UserID, &access.PasskeyUse{
		ID: passkey.ID, Challenge: access.HashToken(string(s.Challenge)), SignCount: signed.Authenticator.SignCount,
		BackedUp: signed.Flags.BackupState,
	}, nil
}

// validate holds an answer against the ceremony: its challenge, this desk's origin, the signature, and that the owner was there.
func (a *App) validate(s ceremony, who owner, parsed *protocol.ParsedCredentialAssertionData) (*webauthn.Credential, error) {
	_, session, err := a.ask(s, who)
	if err != nil {
		return nil, err
	}
	if s.UserID != "" {
		return a.party.ValidateLogin(who, *session, parsed)
	}
	return a.party.ValidateDiscoverableLogin(func(_, handle []byte) (webauthn.User, error) {
		if !bytes.Equal(handle, who.handle) {
			return nil, errors.New("the passkey names another account")
		}
		return who, nil
	}, *session, parsed)
}
