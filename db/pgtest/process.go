package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// startFirst writes the settings down, in addition to those that are there, and starts the server on a port of its own.
func (s *Server) startFirst(settings []string) error {
	if err := s.configure(append([]string{"listen_addresses=127.0.0.1", "unix_socket_directories=" + s.dir}, settings...)); err != nil {
		return err
	}
	var err error
	for range 3 { // somebody may be quicker to take the port
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err = s.start(); err == nil {
			return nil
		}
	}
	return err
}

func (s *Server) configure(settings []string) error {
	var lines strings.Builder
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		fmt.Fprintf(&lines, "%s = '%s'\n", name, strings.ReplaceAll(value, "'", "''"))
	}
	return appendTo(filepath.Join(s.data(), "postgresql.conf"), lines.String())
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// start starts the server and waits until it accepts connections.
func (s *Server) start() error {
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	c := s.home.program("postgres", "-D", s.data(), "-p", strconv.Itoa(s.port))
	// All of its processes hold a pipe to a writer that is no file, and Wait returns when the last of them has ended.
	c.Stderr = struct{ io.Writer }{log}
	if err := c.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Wait()
		_ = log.Close()
	}()
	s.process, s.ended, s.killed = c.Process, ended, false
	if err := until(s.accepts); err != nil {
		s.stop()
		said, _ := os.ReadFile(s.log())
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}

// accepts reports whether the server has written down that it accepts connections, as only a file of its own tells
// that it was not another server that had the port.
func (s *Server) accepts() (bool, error) {
	select {
	case <-s.ended:
		return false, errors.New("the server has ended")
	default:
	}
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil && !os.IsNotExist(err) {
		return false, err
	}
	lines := strings.Split(string(text), "\n")
	return len(lines) > 7 && lines[0] == strconv.Itoa(s.process.Pid) && strings.TrimSpace(lines[7]) == "ready", nil
}

// stop ends the server at once, in such an order that it leaves nothing behind.
func (s *Server) stop() {
	_ = s.process.Signal(syscall.SIGQUIT)
	<-s.ended
}

// freePort returns a port below 20000, and so below those that systems give to outgoing connections, as one of these could
// take it while the server is down.
func freePort() (int, error) {
	for {
		port := 10_000 + rand.IntN(10_000) //nolint:gosec // it need not be secret
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
	}
}
