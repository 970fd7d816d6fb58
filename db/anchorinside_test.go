package db

import "sync"

// AnchorFault is what goes wrong with an anchor from now on; nil is nothing.
type AnchorFault struct {
	Open, Write, Sync, Truncate error
	Some                        int // bytes that are written before that fails
}

// faultyFile is a file of which everything goes to the disk, but for what the fault says.
type faultyFile struct {
	appended
	fault *AnchorFault
}

func (f faultyFile) Write(p []byte) (int, error) {
	if f.fault.Write == nil {
		return f.appended.Write(p)
	}
	n, _ := f.appended.Write(p[:min(len(p), f.fault.Some)])
	return n, f.fault.Write
}

func (f faultyFile) Datasync() error {
	if f.fault.Sync != nil {
		return f.fault.Sync
	}
	return f.appended.Datasync()
}

func (f faultyFile) Truncate(size int64) error {
	if f.fault.Truncate != nil {
		return f.fault.Truncate
	}
	return f.appended.Truncate(size)
}

// BreakAnchor has the anchor fail so until mend is called.
func (db *DB) BreakAnchor(fault AnchorFault) (mend func()) {
	a, f := db.anchor, &fault
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop()
	a.broken.Store(false)
	open := a.open
	a.open = func(path string) (appended, error) {
		if f.Open != nil {
			return nil, f.Open
		}
		file, err := open(path)
		return faultyFile{file, f}, err
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		*f = AnchorFault{}
	}
}

// heldFile waits before it is on the disk.
type heldFile struct {
	appended
	wait func()
}

func (f heldFile) Datasync() error { f.wait(); return f.appended.Datasync() }

// HoldAnchor has the next append to the anchor wait for let; held is closed once it does.
func (db *DB) HoldAnchor() (held <-chan struct{}, let func()) {
	a, waits, goes := db.anchor, make(chan struct{}), make(chan struct{})
	a.mu.Lock()
	defer a.mu.Unlock()
	var once sync.Once
	a.file = heldFile{a.file, func() { once.Do(func() { close(waits); <-goes }) }}
	return waits, func() { close(goes) }
}
