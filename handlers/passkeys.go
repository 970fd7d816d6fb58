package handlers

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

const (
	newPasskeyPath    = "/profile/passkeys/new"
	recoveryCodesPath = "/profile/recovery-codes"
)

// passkeyHost returns the name under which passkeys work, or nothing where they do not.
func (a *App) passkeyHost() string {
	if a.party == nil {
		return ""
	}
	origin, _ := url.Parse(a.party.Config.RPOrigins[0]) // newParty has made it
	return origin.Host
}

func (a *App) passkeyAddForm(c echo.Context) error { return a.passkeyAddPage(c, "", nil) }

func (a *App) passkeyAddPage(c echo.Context, name string, problems views.Problems) error {
	page := views.AddPasskeyPage(views.AddPasskey{
		Page: a.page(c, "Add a passkey"), Host: a.passkeyHost(), Name: name, Problems: problems,
		Needed: a.needsPasskey(who(c), visitOf(c)),
	})
	return a.form(c, problems.Any(), page, page)
}

// passkeyChallenge answers with what the new passkey is made for.
func (a *App) passkeyChallenge(c echo.Context) error {
	if a.party == nil {
		return errNoParty()
	}
	me, err := a.newOwner(c)
	if err != nil {
		return err
	}
	made, session, err := a.register(me)
	if err != nil {
		return err
	}
	s := ceremony{For: forAdding, UserID: who(c).UserID, Handle: me.handle, Began: a.now()}
	if s.Challenge, err = base64.RawURLEncoding.DecodeString(session.Challenge); err != nil {
		return err
	}
	if err := a.begin(c, s); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, made.Response)
}

// register begins the making of a passkey. It is one that can sign in alone where the authenticator is able to, and no statement
// about the authenticator's make is asked for.
func (a *App) register(me owner) (*protocol.CredentialCreation, *webauthn.SessionData, error) {
	var known []protocol.CredentialDescriptor
	for _, credential := range me.credentials {
		known = append(known, credential.Descriptor())
	}
	return a.party.BeginRegistration(me, webauthn.WithExclusions(known), webauthn.WithConveyancePreference(protocol.PreferNoAttestation),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
		}))
}

// made returns the passkey that an authenticator has made in answer to the ceremony's challenge, or nil if that is not what it is.
func (a *App) made(s ceremony, credential string) *webauthn.Credential {
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(credential))
	if err != nil || s.Challenge == nil || a.party == nil {
		return nil
	}
	me := owner{handle: s.Handle, name: s.UserID}
	_, session, err := a.register(me)
	if err != nil {
		return nil
	}
	session.Challenge = base64.RawURLEncoding.EncodeToString(s.Challenge)
	made, err := a.party.CreateCredential(me, *session, parsed)
	if err != nil {
		return nil
	}
	return made
}

// newOwner returns the signed-in person, with a handle of their own if they have none yet.
func (a *App) newOwner(c echo.Context) (owner, error) {
	userID := who(c).UserID
	factor, err := a.DB.SecondFactor(c.Request().Context(), userID)
	if err != nil {
		return owner{}, err
	}
	if len(factor.Passkeys) > 0 {
		return ownerOf(userID, factor.Passkeys)
	}
	handle := make([]byte, 32)
	_, _ = rand.Read(handle) // never fails
	return owner{handle: handle, name: userID}, nil
}

// passkeyAdd keeps the passkey that the browser has made. The first one is followed by recovery codes.
func (a *App) passkeyAdd(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	problems := views.Problems{}
	name, err := access.ParseName(form.Get("name"))
	if err := problems.Note(err); err != nil {
		return err
	}
	s := a.ceremony(c, forAdding)
	made := a.made(s, form.Get("credential"))
	if made == nil || s.UserID != who(c).UserID {
		problems["credential"] = "The passkey was not added: your browser's answer was not right, or it took longer than 5 minutes. Please try again."
	}
	if len(problems) > 0 {
		return a.passkeyAddPage(c, shown(form.Get("name")), problems)
	}
	record, err := json.Marshal(made)
	if err != nil {
		return err
	}
	ctx, id := c.Request().Context(), access.NewToken()
	if err := a.DB.AddPasskey(ctx, who(c), access.Passkey{
		Handle: s.Handle, CredentialID: made.ID, Record: record, Name: name, SignCount: made.Authenticator.SignCount,
		BackedUp: made.Flags.BackupState,
	}, access.HashToken(string(s.Challenge)), access.HashToken(id)); err != nil {
		return err
	}
	a.forgetCeremony(c)
	if err := a.openSession(c, id, access.Person{UserID: who(c).UserID, Role: who(c).Role}); err != nil {
		return err
	}
	factor, err := a.DB.SecondFactor(ctx, who(c).UserID)
	if err != nil {
		return err
	}
	if factor.RecoveryCodes == 0 {
		return c.Redirect(http.StatusSeeOther, recoveryCodesPath+"?note=passkey-added")
	}
	return c.Redirect(http.StatusSeeOther, "/profile?note=passkey-added")
}

func (a *App) passkeyRemoveForm(c echo.Context) error {
	factor, err := a.DB.SecondFactor(c.Request().Context(), who(c).UserID)
	if err != nil {
		return err
	}
	for _, p := range factor.Passkeys {
		if p.ID == c.Param("id") {
			return a.render(c, http.StatusOK, views.RemovePasskeyPage(views.RemovePasskey{
				Page: a.page(c, "Remove a passkey"), Passkey: p, Last: len(factor.Passkeys) == 1, Swap: isHTMX(c),
				Needed: a.AdminPasskeys && who(c).Role == access.Admin,
			}))
		}
	}
	return access.ErrNotFound
}

func (a *App) passkeyRemove(c echo.Context) error {
	if err := a.DB.RemovePasskey(c.Request().Context(), who(c), c.Param("id")); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/profile?note=passkey-removed")
}

// recoveryCodesForm says what recovery codes are for, before they are made.
func (a *App) recoveryCodesForm(c echo.Context) error {
	factor, err := a.DB.SecondFactor(c.Request().Context(), who(c).UserID)
	if err != nil {
		return err
	}
	return a.render(c, http.StatusOK, views.MakeRecoveryCodesPage(views.MakeRecoveryCodes{
		Page: a.page(c, "Recovery codes"), Factor: factor, Once: access.NewToken(),
	}))
}

// recoveryCodesMake makes a set of codes and shows it, this once.
func (a *App) recoveryCodesMake(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	once := form.Get("once")
	if once == "" {
		once = access.NewToken() // without one, each makes a set
	}
	codes := access.NewRecoveryCodes()
	var hashes [][]byte
	for _, code := range codes {
		hashes = append(hashes, access.HashRecoveryCode(code))
	}
	if err := a.DB.MakeRecoveryCodes(c.Request().Context(), who(c), hashes, once); err != nil {
		return err
	}
	return a.render(c, http.StatusOK, views.RecoveryCodesPage(views.RecoveryCodes{
		Page: a.page(c, "Your recovery codes"), Codes: codes,
	}))
}
