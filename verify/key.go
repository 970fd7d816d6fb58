package verify

import (
	"github.com/keydesk/keydesk/access"
)

// Key is what the table knows of a key. The zero value is no key.
type Key struct {
	entry  *entry
	number uint32
	owner  []byte
}

// AppendUserID appends the User ID of the key's owner.
func (k Key) AppendUserID(to []byte) []byte { return append(to, k.owner...) }

// AppendID appends the key's id.
func (k Key) AppendID(to []byte) []byte {
	const digits = "0123456789abcdef"
	for i, b := range k.entry.id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			to = append(to, '-')
		}
		to = append(to, digits[b>>4], digits[b&15])
	}
	return to
}

// ID returns the key's id, or nothing for the zero value.
func (k Key) ID() string {
	if k.entry == nil {
		return ""
	}
	return string(k.AppendID(nil))
}

// AppendMasked appends the masked key.
func (k Key) AppendMasked(to []byte) []byte {
	return append(append(to, access.Mask("")...), k.entry.last4[:]...)
}
