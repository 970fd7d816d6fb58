package access_test

import (
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// SEC-5: what is given by mistake in the place of a public key, such as the root secret, is not quoted.
func TestWhatIsNoPublicKeyIsNotQuoted(t *testing.T) {
	_, _, verifier := proven(t)
	secret := access.NewRootSecret()
	_, err := access.ParseVerifiers([]string{verifier, secret})
	if err == nil || strings.Contains(err.Error(), secret) || !strings.HasPrefix(err.Error(), "number 2 ") {
		t.Errorf("refused with %v", err)
	}
}
