package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// front is a proxy that runs the configuration of deploy/ and speaks TLS in front of a desk.
type front struct {
	t     *testing.T
	dir   string // its configuration, certificate and logs
	base  string // how browsers reach the desk
	tls   string // address on which it speaks TLS
	plain string // address on which it leads there
	desks []string
	roots *x509.CertPool
}

// exampleHost is the name that the configurations of deploy/ have.
const exampleHost = "keys.example.com"

// proxies says how to run each: with the configuration's own words replaced, and nothing of the machine's.
func proxies() map[string]func(*front) *exec.Cmd {
	return map[string]func(*front) *exec.Cmd{"nginx": (*front).nginx, "caddy": (*front).caddy}
}

// behindEach runs a test behind each of the proxies, with a desk that people reach under the host name.
func behindEach(t *testing.T, host string, test func(*testing.T, *front, *desk)) {
	for name, program := range proxies() {
		t.Run(name, func(t *testing.T) {
			f := newFront(t, host, 1)
			f.start(program)
			test(t, f, newDesk(t, f.flags(0)...))
		})
	}
}

// newFront returns the proxy of so many desks, which are not running yet.
func newFront(t *testing.T, host string, desks int) *front {
	t.Helper()
	f := &front{t: t, dir: t.TempDir(), tls: freeAddress(t), plain: freeAddress(t), base: "https://" + host}
	for range desks {
		f.desks = append(f.desks, freeAddress(t))
	}
	if host == "localhost" {
		f.base += f.tls[strings.LastIndex(f.tls, ":"):]
	}
	f.certify(host)
	return f
}

// flags are those of the desk with this number.
func (f *front) flags(desk int) []string {
	return []string{"--addr=" + f.desks[desk], "--base-url=" + f.base, "--trusted-proxies=127.0.0.1"}
}

// configuration returns a file of deploy/ with each of the words replaced, all of which must be there.
func (f *front) configuration(name string, words map[string]string) string {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", name))
	if err != nil {
		f.t.Fatal(err)
	}
	pairs := []string{}
	for before, after := range words {
		if !strings.Contains(string(text), before) {
			f.t.Fatalf("deploy/%s does not say %q", name, before)
		}
		pairs = append(pairs, before, after)
	}
	return strings.NewReplacer(pairs...).Replace(string(text))
}

func (f *front) host() string {
	host, _, _ := strings.Cut(strings.TrimPrefix(f.base, "https://"), ":")
	return host
}

func (f *front) nginx() *exec.Cmd {
	mustWrite(f.t, filepath.Join(f.dir, "keydesk.conf"), f.configuration("nginx.conf", map[string]string{
		"listen 80;": "listen " + f.plain + ";", "listen [::]:80;": "",
		"listen 443 ssl;": "listen " + f.tls + " ssl;", "listen [::]:443 ssl;": "",
		"listen 80 default_server;": "listen " + f.plain + " default_server;", "listen [::]:80 default_server;": "",
		"listen 443 ssl default_server;":      "listen " + f.tls + " ssl default_server;",
		"listen [::]:443 ssl default_server;": "",
		exampleHost:                           f.host(), "/etc/ssl/keydesk": f.dir, "/var/log/nginx": f.dir,
		"server 127.0.0.1:8080 max_fails=0;": "server " + strings.Join(f.desks, " max_fails=0;\nserver ") + " max_fails=0;",
	}))
	// Around it stands what distributions say, and worse.
	mustWrite(f.t, filepath.Join(f.dir, "nginx.conf"), `
		daemon off;
		master_process off;
		pid nginx.pid;
		error_log nginx.log;
		events {}
		http {
			client_body_temp_path body;
			proxy_temp_path proxy;
			fastcgi_temp_path fastcgi;
			uwsgi_temp_path uwsgi;
			scgi_temp_path scgi;
			access_log access.log;
			gzip on;
			gzip_types *;
			gzip_proxied any;
			gzip_min_length 1;
			include keydesk.conf;
		}`)
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // where ordinary users do not look
	}
	return exec.Command(program, "-p", f.dir, "-e", "nginx.log", "-c", "nginx.conf")
}

func (f *front) caddy() *exec.Cmd {
	file := filepath.Join(f.dir, "Caddyfile")
	mustWrite(f.t, file, f.configuration("Caddyfile", map[string]string{
		"http_port 80":   "default_bind 127.0.0.1\n\thttp_port " + f.plain[strings.LastIndex(f.plain, ":")+1:],
		"https_port 443": "https_port " + f.tls[strings.LastIndex(f.tls, ":")+1:],
		exampleHost:      f.host(), "/etc/ssl/keydesk": f.dir, "127.0.0.1:8080": f.desks[0],
	}))
	c := exec.Command("caddy", "run", "--config", file, "--adapter", "caddyfile")
	c.Env = append(os.Environ(), "HOME="+f.dir, "XDG_DATA_HOME="+f.dir, "XDG_CONFIG_HOME="+f.dir)
	return c
}

// haproxy is none of deploy/: as little as makes it a proxy of the desk, whose connections all clients share.
func (f *front) haproxy() *exec.Cmd {
	file := filepath.Join(f.dir, "haproxy.cfg")
	mustWrite(f.t, file, `
		defaults
			mode http
			timeout connect 5s
			timeout client 30s
			timeout server 30s
			option forwardfor
			http-reuse always
		frontend people
			bind `+f.tls+` ssl crt `+f.pair()+` alpn http/1.1
			http-request set-header X-Forwarded-Proto https
			default_backend desk
		backend desk
			server desk `+f.desks[0]+"\n")
	return exec.Command(program("haproxy"), "-db", "-f", file)
}

// pair returns a file with the certificate and its key, as HAProxy has it.
func (f *front) pair() string {
	both := ""
	for _, part := range []string{"fullchain.pem", "key.pem"} {
		text, err := os.ReadFile(filepath.Join(f.dir, part))
		if err != nil {
			f.t.Fatal(err)
		}
		both += string(text)
	}
	file := filepath.Join(f.dir, "both.pem")
	mustWrite(f.t, file, both)
	return file
}

// start starts the proxy and waits until it answers that no desk is there yet.
func (f *front) start(program func(*front) *exec.Cmd) { f.startUntil(program, http.StatusBadGateway) }

// startUntil starts the proxy and waits until it answers /healthz with this status.
func (f *front) startUntil(program func(*front) *exec.Cmd, status int) {
	f.t.Helper()
	c := program(f)
	log, err := os.Create(filepath.Join(f.dir, "output.log"))
	if err != nil {
		f.t.Fatal(err)
	}
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		f.t.Fatalf("%v (make proxies installs it)", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	f.t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil && !signalled(c.ProcessState, syscall.SIGTERM) {
			f.t.Errorf("the proxy's end: %v", err)
		}
		_ = log.Close()
	})
	v := f.visitor("127.0.0.1")
	eventually(f.t, func() bool {
		select {
		case err := <-ended:
			ended <- err
			f.t.Fatalf("the proxy ended: %v\n%s", err, f.logs())
		default:
		}
		answer, err := v.Get(f.base + "/healthz")
		if err != nil {
			return false
		}
		_, err = readAll(answer)
		return err == nil && answer.StatusCode == status
	})
}

// signalled reports whether a signal ended the process, as HAProxy lets it.
func signalled(p *os.ProcessState, by syscall.Signal) bool {
	status, ok := p.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == by
}

// visitor returns a browser on the address of loopback.
func (f *front) visitor(from string) *visitor {
	f.t.Helper()
	d := &desk{t: f.t, url: f.base}
	v := d.visitor()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{
		TLSClientConfig:    &tls.Config{RootCAs: f.roots},
		DisableCompression: true, // so that what was encoded would be seen
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasSuffix(address, ":80") {
				return dialer.DialContext(ctx, network, f.plain)
			}
			return dialer.DialContext(ctx, network, f.tls)
		},
	}
	v.Transport = transport
	f.t.Cleanup(transport.CloseIdleConnections)
	return v
}

// logs returns all that the proxy has written down.
func (f *front) logs() string {
	f.t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(f.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".log") {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return all.String()
}
