package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// certify makes the proxy's certificate.
func (f *front) certify(host string) {
	f.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		f.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		f.t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	mustWrite(f.t, filepath.Join(f.dir, "fullchain.pem"), string(chain))
	mustWrite(f.t, filepath.Join(f.dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	f.roots = x509.NewCertPool()
	f.roots.AppendCertsFromPEM(chain)
}

// WEB-10: a scanner that asks nginx for another name does not learn from the certificate whose desk this is.
func TestNginxShowsNoCertificateToAnotherName(t *testing.T) {
	f := newFront(t, exampleHost, 1)
	f.start((*front).nginx)
	for name, refused := range map[string]bool{exampleHost: false, "evil.example": true} {
		shown := 0
		dialer := &tls.Dialer{Config: &tls.Config{RootCAs: f.roots, ServerName: name, VerifyConnection: func(s tls.ConnectionState) error {
			shown = len(s.PeerCertificates)
			return nil
		}}}
		conn, err := dialer.DialContext(t.Context(), "tcp", f.tls)
		if err == nil {
			_ = conn.Close()
		}
		certificate, _ := errors.AsType[*tls.CertificateVerificationError](err)
		if (err != nil) != refused || certificate != nil || refused == (shown > 0) {
			t.Errorf("%s: %d certificates, %v", name, shown, err)
		}
	}
}

// givenAddresses are those that freeAddress has returned: whoever got one may begin to listen on it only later.
var givenAddresses sync.Map

// freeAddress returns an address of loopback that nobody listens on, another each time. Its port is none that the system
// or pgtest gives away.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		n, err := rand.Int(rand.Reader, big.NewInt(12000))
		if err != nil {
			t.Fatal(err)
		}
		address := "127.0.0.1:" + strconv.FormatInt(20000+n.Int64(), 10)
		if _, given := givenAddresses.LoadOrStore(address, true); given {
			continue
		}
		if listener, err := net.Listen("tcp", address); err == nil {
			_ = listener.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// eventually waits until done.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatal("waited in vain")
		case <-tick.C:
		}
	}
}
