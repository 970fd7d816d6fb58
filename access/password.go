package access

import (
	"errors"

	"github.com/alexedwards/argon2id"
)

// absentPassword is a hash that no password has, made with the parameters of HashPassword, so that a sign-in costs the
// same whether or not there is such an account (ASVS 6.3.8).
const absentPassword = "$argon2id$v=19$m=19456,t=2,p=1$a2V5ZGVzay1uby1zYWx0IQ$" +
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// passwordParams are 19 MiB and 2 passes (OWASP Password Storage), about 30 ms of one core.
func passwordParams() argon2id.Params {
	return argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// HashPassword returns the argon2id hash of a password from ParsePassword as a PHC string.
func HashPassword(password string) (string, error) {
	params := passwordParams()
	return argon2id.CreateHash(password, &params)
}

// OutdatedHash tells whether a stored hash was made with other parameters than HashPassword's, and so is to be made
// anew when the password is next at hand.
func OutdatedHash(hash string) bool {
	params, _, _, err := argon2id.DecodeHash(hash)
	return err == nil && *params != passwordParams()
}

// PasswordMatches tells whether the password as typed has this hash. Without a hash it is always false, after the
// same work.
func PasswordMatches(typed, hash string) (bool, error) {
	typed = NormalPassword(typed)
	if hash == "" {
		if _, err := argon2id.ComparePasswordAndHash(typed, absentPassword); err != nil {
			return false, err
		}
		return false, nil
	}
	ok, err := argon2id.ComparePasswordAndHash(typed, hash)
	if err != nil {
		return false, errors.New("stored password hash does not parse")
	}
	return ok, nil
}
