package disktest

import (
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Install puts itself between SQLite and the system for all connections that are opened from then on in this process.
// It changes nothing but what Fail says.
var Install = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	system = memory[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0))
	ours := memory[sqlite3.Tsqlite3_vfs](libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*system))))
	*ours = *system
	name, err := libc.CString("disktest")
	if err != nil {
		panic(err)
	}
	ours.FzName, ours.FpNext = name, 0
	ours.FxOpen = pointer(open)
	if code := sqlite3.Xsqlite3_vfs_register(tls, uintptr(unsafe.Pointer(ours)), 1); code != sqlite3.SQLITE_OK {
		panic(code)
	}
})

// system is SQLite's own way to its files.
var system *sqlite3.Tsqlite3_vfs

type (
	openFunc  = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32
	closeFunc = func(tls *libc.TLS, file uintptr) int32
	writeFunc = func(tls *libc.TLS, file, from uintptr, amount int32, at int64) int32
	cutFunc   = func(tls *libc.TLS, file uintptr, size int64) int32
	syncFunc  = func(tls *libc.TLS, file uintptr, flags int32) int32
	mapFunc   = func(tls *libc.TLS, file uintptr, region, size, extend int32, out uintptr) int32
)

// opened is a file of SQLite's.
type opened struct {
	name string
	own  *sqlite3.Tsqlite3_io_methods
}

// known is what is known of files and methods, by their addresses.
var known = struct {
	sync.RWMutex
	files  map[uintptr]opened
	tables map[uintptr]uintptr // of methods, by the address of SQLite's own
}{files: map[uintptr]opened{}, tables: map[uintptr]uintptr{}}

// pointer returns a Go function as SQLite, which was translated from C, calls one.
func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&struct{ f F }{f})) }

// memory returns what stands at an address outside of Go's memory.
func memory[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// function returns what the pointer is one of.
func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&struct{ p uintptr }{p})) }

func open(tls *libc.TLS, _, name, file uintptr, flags int32, out uintptr) int32 {
	code := function[openFunc](system.FxOpen)(tls, uintptr(unsafe.Pointer(system)), name, file, flags, out)
	f := memory[sqlite3.Tsqlite3_file](file)
	if code != sqlite3.SQLITE_OK || name == 0 || f.FpMethods == 0 {
		return code
	}
	own := memory[sqlite3.Tsqlite3_io_methods](f.FpMethods)
	known.Lock()
	defer known.Unlock()
	known.files[file] = opened{libc.GoString(name), own}
	if known.tables[f.FpMethods] == 0 {
		between := memory[sqlite3.Tsqlite3_io_methods](libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*own))))
		*between = *own
		between.FxClose, between.FxWrite, between.FxTruncate = pointer(closed), pointer(write), pointer(truncate)
		between.FxSync, between.FxShmMap = pointer(syncs), pointer(mapped)
		known.tables[f.FpMethods] = uintptr(unsafe.Pointer(between))
	}
	f.FpMethods = known.tables[f.FpMethods]
	return code
}

func of(file uintptr) opened {
	known.RLock()
	defer known.RUnlock()
	return known.files[file]
}

func closed(tls *libc.TLS, file uintptr) int32 {
	f := of(file)
	known.Lock()
	delete(known.files, file)
	known.Unlock()
	return function[closeFunc](f.own.FxClose)(tls, file)
}

func write(tls *libc.TLS, file, from uintptr, amount int32, at int64) int32 {
	f := of(file)
	fault, hit := hits(f.name, Write)
	if !hit {
		return function[writeFunc](f.own.FxWrite)(tls, file, from, amount, at)
	}
	if some := amount * int32(fault.Part) / 100; some > 0 {
		if code := function[writeFunc](f.own.FxWrite)(tls, file, from, some, at); code != sqlite3.SQLITE_OK {
			return code
		}
	}
	return fault.code(Write)
}

func truncate(tls *libc.TLS, file uintptr, size int64) int32 {
	f := of(file)
	if fault, hit := hits(f.name, Truncate); hit {
		return fault.code(Truncate)
	}
	return function[cutFunc](f.own.FxTruncate)(tls, file, size)
}

func syncs(tls *libc.TLS, file uintptr, flags int32) int32 {
	f := of(file)
	if fault, hit := hits(f.name, Sync); hit {
		return fault.code(Sync)
	}
	return function[syncFunc](f.own.FxSync)(tls, file, flags)
}

func mapped(tls *libc.TLS, file uintptr, region, size, extend int32, out uintptr) int32 {
	f := of(file)
	if extend != 0 {
		if fault, hit := hits(f.name, Extend); hit {
			return fault.code(Extend)
		}
	}
	return function[mapFunc](f.own.FxShmMap)(tls, file, region, size, extend, out)
}
