package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/keydesk/keydesk/handlers"
)

const drainTime = 10 * time.Second // for the requests under way at the end

// listeners are where the desk is reached.
type listeners struct {
	outer net.Listener
	inner net.Listener // nil when verify has no address of its own
}

// listen takes the addresses before anything else is done, so that a taken one is told of at once.
func (f webFlags) listen(ctx context.Context) (l listeners, err error) {
	if l.outer, err = listen(ctx, "--addr", f.Addr); err != nil {
		return l, err
	}
	if f.VerifyAddr != "" {
		if l.inner, err = listen(ctx, "--verify-addr", f.VerifyAddr); err != nil {
			l.close()
		}
	}
	return l, err
}

func listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another program; choose another with %s, such as %s 127.0.0.1:8081%s",
			addr, flag, flag, sameForMake())
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", flag, addr, err)
	}
	return listener, nil
}

// sameForMake says how make passes an address on, to those who started the program by it.
func sameForMake() string {
	if os.Getenv("MAKELEVEL") == "" { // make sets it
		return ""
	}
	return " (make run ADDR=127.0.0.1:8081)"
}

// told says where verify has an address of its own.
func (l listeners) told() string {
	if l.inner == nil {
		return ""
	}
	return fmt.Sprintf("  verify and metrics are at http://%s too\n", l.inner.Addr())
}

// again takes the addresses that were freed once more.
func (l listeners) again(ctx context.Context) (listeners, error) {
	addresses := webFlags{Addr: l.outer.Addr().String()}
	if l.inner != nil {
		addresses.VerifyAddr = l.inner.Addr().String()
	}
	return addresses.listen(ctx)
}

// close frees the addresses.
func (l listeners) close() {
	if l.outer != nil {
		_ = l.outer.Close()
	}
	if l.inner != nil {
		_ = l.inner.Close()
	}
}

// limit limits the connections, so that the files of the process last. Each address has as many, so that neither starves the
// other. What no handler of the outer one answers gets the headers.
func (l listeners) limit(proxies []*net.IPNet, headers string, log *slog.Logger) listeners {
	if l.inner == nil {
		l.outer = handlers.LimitConnections(l.outer, mostConnections(openFiles(), 1), proxies, headers, log)
		return l
	}
	most := mostConnections(openFiles(), 2)
	return listeners{
		outer: handlers.LimitConnections(l.outer, most, proxies, headers, log),
		inner: handlers.LimitConnections(l.inner, most, proxies, "", log),
	}
}

// serve serves until ctx is done, then lets the requests under way end.
func (l listeners) serve(ctx context.Context, app *handlers.App, log *slog.Logger) error {
	outer := newServer(app, log)
	shutdowns := []func(context.Context) error{outer.Shutdown}
	failed := make(chan error, 2)
	go func() { failed <- outer.Serve(l.outer) }()
	if l.inner != nil {
		inner := app.Inner()
		shutdowns = append(shutdowns, inner.Shutdown)
		go func() { failed <- inner.Serve(l.inner) }()
	}
	var err error
	select {
	case err = <-failed:
		err = fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
		log.Info("draining")
	}
	drained, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	down := make(chan error, len(shutdowns))
	for _, shutdown := range shutdowns { // at once: no slow answer of one takes the other's time
		go func() { down <- shutdown(drained) }()
	}
	for range shutdowns {
		if failed := <-down; failed != nil {
			err = errors.Join(err, fmt.Errorf("drain: %w", failed))
		}
	}
	return errors.Join(err, outer.Close())
}

func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ConnContext:       handlers.Paced,
		ConnState:         handlers.Turned,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    12 << 10, // net/http adds 4 KiB of its own

		DisableGeneralOptionsHandler: true, // OPTIONS * gets our headers too
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
