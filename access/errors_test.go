package access_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/keydesk/keydesk/access"
)

func TestRefusalIsFoundInItsChain(t *testing.T) {
	err := access.Refuse(access.Clashes, "once", "This form has already made a key.")
	for name, chain := range map[string]error{
		"itself":  err,
		"wrapped": fmt.Errorf("create key: %w", fmt.Errorf("insert: %w", err)),
		"joined":  errors.Join(errors.New("close: disk full"), err),
	} {
		refusal := access.Refused(chain, access.Clashes)
		if refusal == nil || refusal.Field != "once" || refusal.Error() != "This form has already made a key." {
			t.Errorf("%s: got %+v", name, refusal)
		}
	}
}

func TestOtherErrorsAreNoRefusal(t *testing.T) {
	for name, err := range map[string]error{
		"none":         nil,
		"a fault":      errors.New("disk full"),
		"another code": access.Refuse(access.Denied, "", "Only an administrator can do this."),
		"same words":   errors.New(access.ErrNotFound.Error()),
	} {
		for _, code := range []access.Code{0, access.Invalid, access.NotFound, access.SignedOut, access.Clashes, access.Busy} {
			if refusal := access.Refused(err, code); refusal != nil {
				t.Errorf("%s is a refusal of code %d: %v", name, code, refusal)
			}
		}
	}
}

// AZ-2: one error for what is absent and for what is somebody else's.
func TestNotFoundDoesNotSayWhich(t *testing.T) {
	refusal := access.Refused(access.ErrNotFound, access.NotFound)
	if refusal == nil || refusal.Message != "There is nothing here, or it is not yours." || refusal.Field != "" {
		t.Errorf("got %+v", refusal)
	}
}
