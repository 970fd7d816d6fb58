package access

import (
	"errors"

	"github.com/alexedwards/argon2id"
)

// absentPassword is a hash that no password has, made with the parameters of HashPassword, so that a sign-in costs the
// same whether or not there is such an account (ASVS 6.3.8).
const absentPassword = "$argon2id$v=19$m=19456,t=2,p=1$a2V5ZGVzay1uby1zYWx0IQ$" +
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// HashPassword returns the argon2id hash of a password from ParsePassword as a PHC string: 19 MiB, 2 passes (OWASP
// Password Storage). It takes about 30 ms of one core.
func HashPassword(password string) (string, error) {
	return argon2id.CreateHash(password, &argon2id.Params{
		Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32,
	})
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
