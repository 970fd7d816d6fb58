package main

import (
	"net/http"
	"net/url"
)

// changeKeys makes two keys and deactivates one of them; it is false once the power is gone.
func (p *powerCuts) changeKeys() bool {
	alice := p.people["alice"]
	for n := range 2 {
		status, text, err := alice.ask("/profile/keys", nil)
		if err != nil || status != http.StatusOK {
			return false
		}
		secret := secretPattern.FindString(text)
		p.note(secret, isGood)
		if n > 0 {
			return true
		}
		p.note(secret, isOne)
		status, _, err = alice.ask("/profile/keys/"+keyPath.FindStringSubmatch(text)[1]+"/deactivate", nil)
		if err != nil || status != http.StatusSeeOther {
			return false
		}
		p.note(secret, isEnded)
	}
	return true
}

func (p *powerCuts) note(secret string, is fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.keys[secret] = is; is {
	case isGood:
		p.latest, p.made = append(p.latest, secret), p.made+1
	case isEnded:
		p.ended++
	}
}

func (p *powerCuts) changeRole() bool {
	p.perhaps = map[string]string{"user": "admin", "admin": "user"}[p.role]
	status, _, err := p.people["root"].ask("/admin/users/bob/role", url.Values{"role": {p.perhaps}})
	if err != nil || status != http.StatusSeeOther {
		return false
	}
	p.role = p.perhaps
	p.roles++
	return true
}

// ask posts a form to a desk that may be gone.
func (v *visitor) ask(path string, form url.Values) (status int, text string, err error) {
	answer, err := v.PostForm(v.desk.url+path, form)
	if err != nil {
		return 0, "", err
	}
	text, err = readAll(answer)
	return answer.StatusCode, text, err
}
