package main

import (
	"bufio"
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// apiHost is the name that the configurations of deploy/gateways have.
const apiHost = "api.example.com"

// gateway is a proxy that runs a configuration of deploy/gateways, between clients and a service. It asks a desk.
type gateway struct {
	*front
	name    string
	sni     string // what clients say in the handshake; empty: nothing
	desk    *desk
	keydesk *witness // what it asked the desk
	service *witness // what it let through
	secret  string   // alice's key
	keyID   string
}

// gateways says how to run each.
func gateways() map[string]func(*gateway) *exec.Cmd {
	return map[string]func(*gateway) *exec.Cmd{
		"nginx": (*gateway).nginx, "caddy": (*gateway).caddy, "haproxy": (*gateway).haproxy,
	}
}

// newGateway starts a desk, a service and the gateway between them.
func newGateway(t *testing.T, name string) *gateway {
	t.Helper()
	g := &gateway{front: newFront(t, apiHost, 1), name: name, sni: apiHost, desk: newDesk(t, "--trusted-proxies=127.0.0.1")}
	g.keydesk = newWitness(t, g.desks[0], desksPart(g.desk.url))
	g.service = newWitness(t, freeAddress(t), http.HandlerFunc(servicesPart))
	g.secret, g.keyID = g.desk.signIn("alice").newKey()
	g.startUntil(func(*front) *exec.Cmd { return gateways()[name](g) }, http.StatusOK)
	return g
}

func (g *gateway) nginx() *exec.Cmd {
	mustWrite(g.t, filepath.Join(g.dir, "api.conf"), g.configuration("gateways/nginx.conf", map[string]string{
		"listen 443 ssl;": "listen " + g.tls + " ssl;", "listen [::]:443 ssl;": "", "/etc/ssl/api": g.dir, "/var/log/nginx": g.dir,
		"127.0.0.1:8080": g.keydesk.address, "127.0.0.1:9000": g.service.address,
	}))
	// The first server of the address lets underscores pass, for all servers of it.
	mustWrite(g.t, filepath.Join(g.dir, "nginx.conf"), `
		daemon off;
		master_process off;
		pid nginx.pid;
		error_log nginx.log info;
		events {}
		http {
			client_body_temp_path body;
			proxy_temp_path proxy;
			fastcgi_temp_path fastcgi;
			uwsgi_temp_path uwsgi;
			scgi_temp_path scgi;
			access_log access.log;
			underscores_in_headers on;
			server {
				listen `+g.tls+` ssl default_server;
				ssl_certificate fullchain.pem;
				ssl_certificate_key key.pem;
				return 421;
			}
			include api.conf;
		}`)
	return exec.Command(program("nginx"), "-p", g.dir, "-e", "nginx.log", "-c", "nginx.conf")
}

func (g *gateway) caddy() *exec.Cmd {
	file := filepath.Join(g.dir, "Caddyfile")
	mustWrite(g.t, file, g.configuration("gateways/Caddyfile", map[string]string{
		"http_port 80":   "default_bind 127.0.0.1\n\thttp_port " + g.plain[strings.LastIndex(g.plain, ":")+1:],
		"https_port 443": "https_port " + g.tls[strings.LastIndex(g.tls, ":")+1:],
		"/etc/ssl/api":   g.dir, "127.0.0.1:8080": g.keydesk.address, "127.0.0.1:9000": g.service.address,
	}))
	c := exec.Command(program("caddy"), "run", "--config", file, "--adapter", "caddyfile")
	c.Env = append(os.Environ(), "HOME="+g.dir, "XDG_DATA_HOME="+g.dir, "XDG_CONFIG_HOME="+g.dir)
	return c
}

func (g *gateway) haproxy() *exec.Cmd {
	pair := g.pair()
	script, err := filepath.Abs("../../deploy/gateways/keydesk.lua")
	if err != nil {
		g.t.Fatal(err)
	}
	file := filepath.Join(g.dir, "haproxy.cfg")
	words := map[string]string{
		"/etc/haproxy/keydesk.lua": script, "log /dev/log local0": "log stdout format raw local0",
		"bind :443": "bind " + g.tls, "/etc/ssl/api.pem": pair,
		"abns@keydesk":   "abns@keydesk-" + g.tls,
		"127.0.0.1:8080": g.keydesk.address, "127.0.0.1:9000": g.service.address,
	}
	if os.Geteuid() != 0 { // only root can become another user
		words["chroot /var/lib/haproxy"], words["user haproxy"], words["group haproxy"] = "", "", ""
	}
	mustWrite(g.t, file, g.configuration("gateways/haproxy.cfg", words))
	return exec.Command(program("haproxy"), "-db", "-f", file)
}

// program finds a proxy also where ordinary users do not look.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return "/usr/sbin/" + name
}

// send sends a request as it stands, so that no client can tidy it: its first line without the version, its headers but
// for Host, and the body. Without an answer the status is 0.
func (g *gateway) send(t *testing.T, request string, headers []string, body string) reply {
	t.Helper()
	lines := slices.Concat([]string{request + " HTTP/1.1", "Host: " + apiHost}, headers)
	if g.sni == "" { // then the gateway learns from Host whom the request is for, and has read the rest by then
		lines = slices.Concat(lines[:1], lines[2:], lines[1:2])
	}
	method, _, _ := strings.Cut(request, " ")
	got, err := g.exchange(method, strings.Join(lines, "\r\n")+"\r\n\r\n"+body)
	if err != nil {
		t.Errorf("%s %q: no answer: %v", request, headers, err)
	}
	return got
}

// exchange sends the bytes over TLS and returns the answer.
func (g *gateway) exchange(method, request string) (reply, error) {
	conn, err := tls.Dial("tcp", g.tls, &tls.Config{
		RootCAs: g.roots, ServerName: g.sni, InsecureSkipVerify: g.sni == "", NextProtos: []string{"http/1.1"},
	})
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return reply{}, err
	}
	go func() { _, _ = conn.Write([]byte(request)) }() // it may be refused before all is written
	in := bufio.NewReader(conn)
	for {
		answer, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return reply{}, err
		}
		text, err := readAll(answer)
		if err != nil || answer.StatusCode != http.StatusContinue {
			return reply{answer.StatusCode, answer.Header, text}, err
		}
	}
}

// with are the headers of a client that has this key, and further ones.
func with(secret string, headers ...string) []string {
	return append([]string{"Authorization: Bearer " + secret}, headers...)
}
