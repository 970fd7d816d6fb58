package handlers_test

import (
	"testing"

	"github.com/keydesk/keydesk/handlers"
)

// SUP-6: whatever comes in the place of a passkey is read to its end, and is an answer to its own challenge at most.
func FuzzPasskey(f *testing.F) {
	challenge, other, handle := make([]byte, 32), []byte("another challenge of 32 bytes ..."), []byte("handle")
	app, err := handlers.New(handlers.Config{BaseURL: parsed(f, deskURL)})
	if err != nil {
		f.Fatal(err)
	}
	k := newAuthenticator(f)
	made := k.create(asked{Challenge: b64(challenge), User: struct {
		ID string `json:"id"`
	}{b64(handle)}})
	for _, seed := range []string{made, k.answer(asked{Challenge: b64(challenge)}), "{}", "[]", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`} {
		f.Add(seed)
	}
	if !app.PasskeyMade(challenge, handle, made) {
		f.Fatal("a passkey that was made for the challenge is refused")
	}
	f.Fuzz(func(t *testing.T, credential string) {
		app.PasskeyMade(challenge, handle, credential)
		if app.PasskeyMade(other, handle, credential) {
			t.Fatalf("%q is taken for an answer to a challenge that nobody was asked", credential)
		}
		if app.PasskeyRead(credential) && len(credential) < 100 {
			t.Fatalf("%q is taken for the answer of a passkey", credential)
		}
	})
}
