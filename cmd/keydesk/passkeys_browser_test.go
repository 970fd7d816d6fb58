package main

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// named returns the desk as browsers reach it by a name, which passkeys need.
func (d *desk) named() *desk {
	other := *d
	other.url = strings.Replace(d.url, "127.0.0.1", "localhost", 1)
	return &other
}

// securityKey plugs an authenticator in, and returns what takes it out again.
func (b *tab) securityKey(options webauthn.VirtualAuthenticatorOptions) (remove func()) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		b.t.Fatal(err)
	}
	added, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &options})
	if err != nil {
		b.t.Fatal(err)
	}
	return func() {
		b.t.Helper()
		_, err := chromedp.Call(b.ctx, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams(added))
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// phone is an authenticator that keeps passkeys and knows its owner.
func phone() webauthn.VirtualAuthenticatorOptions {
	return webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}
}

// stick is an old security key: it keeps nothing, and takes whoever touches it.
func stick() webauthn.VirtualAuthenticatorOptions {
	return webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolU2f, Transport: webauthn.AuthenticatorTransportUsb, AutomaticPresenceSimulation: true,
	}
}

// addPasskey adds a passkey of that name from the profile, and returns the title of the page that it leads to.
func (b *tab) addPasskey(name string) string {
	b.t.Helper()
	b.goTo("/profile")
	b.do(
		chromedp.Click(`a[href="/profile/passkeys/new"]`), chromedp.WaitVisible("[data-passkey-button]"),
		chromedp.SendKeys("#name", name), chromedp.Click("[data-passkey-button]"),
		chromedp.WaitVisible(`form[action="/profile/recovery-codes"], #passkeys`),
	)
	return get(b, chromedp.Text("main h1"))
}

// giveID types the User ID and the password on the sign-in page.
func (b *tab) giveID(userID, password string) {
	b.t.Helper()
	b.goTo("/login")
	b.do(chromedp.SendKeys("#user_id", userID), chromedp.SendKeys("#password", password+kb.Enter))
}

// AUTH-13: passkeys in a real browser: as the second factor, as a sign-in of their own, several of a person, and recovery codes.
func TestPasskeysInTheBrowser(t *testing.T) {
	t.Parallel()
	d := newDesk(t).named()
	b := d.open()
	b.signIn("alice", password)
	unplug := b.securityKey(stick())
	if got := b.addPasskey("blue key"); got != "Recovery codes" {
		t.Fatalf("the first passkey leads to %q", got)
	}
	b.do(chromedp.Click("main form button"), chromedp.WaitVisible("[data-secret]"))
	codes := regexp.MustCompile(`[0-9a-z-]{19}`).FindAllString(get(b, chromedp.Text("[data-secret]")), -1)
	if len(codes) != 10 {
		t.Fatalf("%d codes", len(codes))
	}
	if !b.leavingAsks(false) {
		t.Error("the codes are lost without a question")
	}
	b.do(chromedp.Click("[data-leave]"), chromedp.WaitVisible("#passkeys"))

	// A second sign-in wants the security key after the password.
	b.signOut()
	b.giveID("alice", password)
	b.do(chromedp.WaitVisible(".btn-primary[data-passkey-button]"))
	if got := get(b, chromedp.Text("main h1")); got != "Confirm with your passkey" {
		t.Errorf("after the password comes %q", got)
	}
	b.do(chromedp.Click("[data-passkey-button]"), chromedp.WaitVisible("header nav"))
	unplug()

	// A phone can sign in by itself.
	unplug = b.securityKey(phone())
	if got := b.addPasskey("phone"); got != "Profile" {
		t.Errorf("the second passkey leads to %q", got)
	}
	if got := get(b, chromedp.Text("#passkeys tbody")); !strings.Contains(got, "blue key") || !strings.Contains(got, "phone") {
		t.Errorf("the profile lists %q", got)
	}
	b.signOut()
	b.goTo("/login")
	b.do(chromedp.Click("[data-passkey-button]"), chromedp.WaitVisible("header nav"))
	unplug()

	// Without either, a recovery code does, once.
	b.signOut()
	b.giveID("alice", password)
	b.do(chromedp.WaitVisible("details summary.link"), chromedp.Click("details summary.link"), chromedp.SendKeys("#code", codes[3]+kb.Enter),
		chromedp.WaitVisible("#passkeys"))
	if got := get(b, chromedp.Text("#passkeys")); !strings.Contains(got, "9 recovery codes") {
		t.Errorf("the profile says %q", got)
	}
}

// What the browser refuses is said beside the button, which can be pressed again.
func TestRefusedPasskeyIsExplained(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.named().open()
	b.signIn("alice", password)
	refusing := phone()
	refusing.IsUserVerified = false
	b.securityKey(refusing)
	b.goTo("/login")
	b.do(chromedp.Click("[data-passkey-button]"))
	b.until(`document.querySelector("[data-passkey-status]").textContent.startsWith("No passkey answered")`)
	b.until(`!document.querySelector("[data-passkey-button]").disabled && document.activeElement.matches("[data-passkey-button]")`)

	b.desk = d // by its number, under which no passkey works
	b.signIn("alice", password)
	b.goTo("/profile/passkeys/new")
	if got := get(b, chromedp.Text("[data-passkey-missing]")); !strings.Contains(got, "http://localhost:") {
		t.Errorf("at 127.0.0.1 it says %q", got)
	}
	if eval[bool](b, `document.querySelector("[data-passkey-button]").checkVisibility()`) {
		t.Error("there is a button that cannot work")
	}
}

// AUTH-13: an administrator whose proof is stale confirms it by a passkey, and goes on where they were.
func TestStaleProofIsRenewedByAPasskey(t *testing.T) {
	t.Parallel()
	d := newDesk(t).named()
	b := d.open()
	b.signIn("root", password)
	b.securityKey(phone())
	b.addPasskey("phone")
	d.sql(`UPDATE sessions SET proved_at = 0`)
	b.goTo("/admin/users/alice")
	b.do(chromedp.Click("main summary"), chromedp.Click(`a[href="/admin/users/alice/role"]`), chromedp.WaitVisible("[data-passkey-button]"))
	if got := get(b, chromedp.Text("main h1")); got != "Confirm that it is you" {
		t.Errorf("the question is %q", got)
	}
	b.do(chromedp.Click("[data-passkey-button]"), chromedp.WaitVisible("#question"))
	if got := eval[string](b, `location.pathname`); got != "/admin/users/alice/role" {
		t.Errorf("the proof leads to %q", got)
	}

	// A form that was open meanwhile keeps what was typed.
	b.goTo("/admin/users")
	b.do(chromedp.Click("main summary"), chromedp.Click(`a[href="/admin/users/new"]`), chromedp.WaitVisible("dialog[open] #user_id"),
		chromedp.SendKeys("dialog #user_id", "frida"))
	d.sql(`UPDATE sessions SET proved_at = 0`)
	b.do(chromedp.Click("dialog .btn-primary"))
	b.until(`document.getElementById("dialog-error").textContent.includes("confirm that it is you")`)
	want := "frida /prove?" + url.Values{"next": {"/admin/users"}}.Encode()
	if got := eval[string](b, `document.querySelector("dialog #user_id").value + " " + document.querySelector("#dialog-error a").getAttribute("href")`); got != want {
		t.Errorf("the form holds %q, not %q", got, want)
	}
}

// signOut ends the session.
func (b *tab) signOut() {
	b.t.Helper()
	eval[bool](b, `fetch("/logout", {method: "POST"}).then(() => true)`)
}
