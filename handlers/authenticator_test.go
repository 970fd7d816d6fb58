package handlers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// Flags of what an authenticator says (WebAuthn, 6.1).
const (
	present  = 1 << 0
	verified = 1 << 2
	attested = 1 << 6
)

// authenticator is a security key with one passkey. Its fields can be made to lie.
type authenticator struct {
	t      testing.TB
	key    *ecdsa.PrivateKey
	id     []byte
	handle []byte
	origin string // that the browser says it is at
	host   string // that the browser asks it for
	flags  byte
	count  uint32
	counts bool // it counts on with each answer
}

func newAuthenticator(t testing.TB) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &authenticator{t: t, key: key, id: id, origin: deskURL, host: "desk.example", flags: present | verified, counts: true}
}

// asked is what a challenge says, as a browser reads it.
type asked struct {
	Challenge string `json:"challenge"`
	User      struct {
		ID string `json:"id"`
	} `json:"user"`
	AllowCredentials []struct {
		ID string `json:"id"`
	} `json:"allowCredentials"`
	UserVerification string `json:"userVerification"`
	RPID             string `json:"rpId"`
}

// challenge asks the desk for a challenge.
func (v *visitor) challenge(path string) (a asked) {
	v.desk.t.Helper()
	got := v.post(path, url.Values{}).is(http.StatusOK)
	v.desk.must(json.Unmarshal([]byte(got.body), &a))
	return a
}

func (k *authenticator) clientData(kind, challenge string) []byte {
	return encode(k.t, map[string]any{"type": kind, "challenge": challenge, "origin": k.origin, "crossOrigin": false})
}

// data returns what the authenticator says of itself.
func (k *authenticator) data(flags byte) []byte {
	host := sha256.Sum256([]byte(k.host))
	if k.counts {
		k.count++
	}
	return binary.BigEndian.AppendUint32(append(host[:], flags), k.count)
}

// create answers with a new passkey.
func (k *authenticator) create(a asked) string {
	k.t.Helper()
	var err error
	if k.handle, err = base64.RawURLEncoding.DecodeString(a.User.ID); err != nil {
		k.t.Fatal(err)
	}
	point, err := k.key.PublicKey.Bytes()
	if err != nil {
		k.t.Fatal(err)
	}
	public, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		k.t.Fatal(err)
	}
	data := append(k.data(k.flags|attested), make([]byte, 16)...)
	data = append(append(binary.BigEndian.AppendUint16(data, uint16(len(k.id))), k.id...), public...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		k.t.Fatal(err)
	}
	return k.credential(map[string]any{
		"clientDataJSON": b64(k.clientData("webauthn.create", a.Challenge)), "attestationObject": b64(object), "transports": []string{"usb"},
	})
}

// answer signs a challenge.
func (k *authenticator) answer(a asked) string {
	k.t.Helper()
	data, client := k.data(k.flags), k.clientData("webauthn.get", a.Challenge)
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.key, sum[:])
	if err != nil {
		k.t.Fatal(err)
	}
	return k.credential(map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64(k.handle),
	})
}

func (k *authenticator) credential(response map[string]any) string {
	return string(encode(k.t, map[string]any{
		"id": b64(k.id), "rawId": b64(k.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	}))
}

func encode(t testing.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func b64(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }

// parsed returns the URL.
func parsed(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
