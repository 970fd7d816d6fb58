package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

const password = "seven green lamps tomorrow"

// pages measures pages against the yardstick that answers nothing.
func (b *bench) pages(ctx context.Context) (err error) {
	desk, err := b.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.stop()) }()
	bare, err := startYardstick(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	user, err := signIn(desk, "bench-user")
	if err != nil {
		return err
	}
	for range 50 {
		if err := user.makeKey(); err != nil {
			return err
		}
	}
	admin, err := signIn(desk, "bench-admin")
	if err != nil {
		return err
	}
	for _, page := range []struct {
		what, path string
		as         *visitor
	}{
		{"API Keys with 50 keys, requests/s over the 204 handler's", "/profile/keys", user},
		{"Manage Users, requests/s over the 204 handler's", "/admin/users", admin},
		{"its search, requests/s over the 204 handler's", "/admin/users?q=ada", admin},
	} {
		one := load{Addr: desk.addr, Path: page.path, Header: page.as.cookies(), Connections: 8, Time: b.round, Want: 200}
		empty := load{Addr: bare.addr, Path: "/204", Connections: 8, Time: b.round, Want: 204}
		var ratio []float64
		for range b.rounds {
			got, err := one.run(ctx)
			if err != nil {
				return err
			}
			yard, err := empty.run(ctx)
			if err != nil {
				return err
			}
			ratio = append(ratio, got.perSecond()/yard.perSecond())
		}
		b.table.add(page.what, ratio, ">= 0.10")
	}
	return nil
}

// visitor is somebody who is signed in.
type visitor struct {
	http.Client
	base *url.URL
}

func signIn(desk *process, userID string) (*visitor, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	v := &visitor{base: &url.URL{Scheme: "http", Host: desk.addr}, Client: http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	return v, v.post("/login", url.Values{"user_id": {userID}, "password": {password}}, http.StatusSeeOther)
}

func (v *visitor) makeKey() error { return v.post("/profile/keys", nil, http.StatusOK) }

func (v *visitor) post(path string, form url.Values, want int) error {
	got, err := v.PostForm(v.base.String()+path, form)
	if err != nil {
		return err
	}
	if got.StatusCode != want {
		err = fmt.Errorf("%s answers %s", path, got.Status)
	}
	return errors.Join(err, got.Body.Close())
}

// cookies returns the header by which the desk knows them.
func (v *visitor) cookies() string {
	var pairs []string
	for _, c := range v.Jar.Cookies(v.base) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return "Cookie: " + strings.Join(pairs, "; ") + "\r\n"
}
