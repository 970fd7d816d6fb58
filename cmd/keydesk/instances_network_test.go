//go:build unix

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// ownNetwork is a network of an instance's own, joined to the machine's by two cables: on one it reaches the database, on the
// other it is asked.
type ownNetwork struct {
	t      *testing.T
	name   string
	cable  string // the machine's end of the one to the database
	desk   string // the instance's address on the other
	hosts  string // the database servers, as it reaches them
	listen int    // the last port that was given away
}

var madeNetworks atomic.Int64 // by this process, for their names

// newNetworks makes so many networks for the length of the test, in which the servers of the cluster can be reached. They
// go with the process too, however that ends.
func newNetworks(c *cluster, n int) (links []link) {
	c.t.Helper()
	block := freeBlock(c.t)
	whole := fmt.Sprintf("%s.%d/27", block.prefix, block.first)
	c.primary.Admit(whole)
	if c.standby != nil {
		c.standby.Admit(whole)
	}
	var names []string
	for range n {
		names = append(names, fmt.Sprintf("kd%x-%d", os.Getpid(), madeNetworks.Add(1)))
	}
	c.t.Cleanup(guardNetworks(c.t, whole, names))
	// What is on its way to a cable that is cut gets lost, rather than to whom the machine sends all that it knows nothing of.
	ip(c.t, "route", "add", "blackhole", whole, "metric", "9999")
	for i, name := range names {
		l := &ownNetwork{t: c.t, name: name, cable: name + "d", listen: 8079}
		ip(c.t, "netns", "add", name)
		ip(c.t, "-n", name, "link", "set", "lo", "up")
		database, _ := l.join(l.cable, "database", block, 8*i)
		l.hosts = strings.Join(c.servers(database), ",")
		_, l.desk = l.join(name+"c", "clients", block, 8*i+4)
		links = append(links, l)
	}
	return links
}

// join lays a cable, whose ends have the next addresses of the block, and returns these.
func (l *ownNetwork) join(ours, its string, b block, at int) (our, its2 string) {
	l.t.Helper()
	our, its2 = b.address(at+1), b.address(at+2)
	ip(l.t, "link", "add", ours, "type", "veth", "peer", "name", its, "netns", l.name)
	ip(l.t, "addr", "add", our+"/30", "dev", ours)
	ip(l.t, "link", "set", ours, "up")
	ip(l.t, "-n", l.name, "addr", "add", its2+"/30", "dev", its)
	ip(l.t, "-n", l.name, "link", "set", its, "up")
	return our, its2
}

func (l *ownNetwork) program(name string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", l.name, name}, args...)...) // which becomes the program
}

func (l *ownNetwork) address() string {
	l.listen++
	return fmt.Sprintf("%s:%d", l.desk, l.listen)
}

func (l *ownNetwork) servers() string { return l.hosts }

func (l *ownNetwork) cut() { ip(l.t, "link", "set", l.cable, "down") }

func (l *ownNetwork) mend() { ip(l.t, "link", "set", l.cable, "up") }

func ip(t *testing.T, args ...string) {
	t.Helper()
	if said, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, said)
	}
}

// block is 32 addresses that nobody else has.
type block struct {
	prefix string
	first  int
}

func (b block) address(at int) string { return fmt.Sprintf("%s.%d", b.prefix, b.first+at) }

// givenBlocks are those of tests that are running.
var givenBlocks = struct {
	sync.Mutex
	all map[int]bool
}{all: map[int]bool{}}

// freeBlock returns a block of 10.199.0.0/16 that no address of this machine is in, for the length of the test. Processes that
// run at the same time begin to look in different places.
func freeBlock(t *testing.T) block {
	t.Helper()
	givenBlocks.Lock()
	defer givenBlocks.Unlock()
	taken, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2048 {
		n := (7*os.Getpid() + i) % 2048
		b := block{fmt.Sprintf("10.199.%d", n/8), n % 8 * 32}
		if !givenBlocks.all[n] && !slices.ContainsFunc(taken, func(a net.Addr) bool {
			own, ok := a.(*net.IPNet)
			return ok && own.IP.Mask(net.CIDRMask(27, 32)).Equal(net.ParseIP(b.address(0)))
		}) {
			givenBlocks.all[n] = true
			t.Cleanup(func() {
				givenBlocks.Lock()
				defer givenBlocks.Unlock()
				delete(givenBlocks.all, n)
			})
			return b
		}
	}
	t.Fatal("no addresses are free")
	return block{}
}

// guardingNetworks waits for the end of whoever holds its input, and removes the networks with all that is in them.
const guardingNetworks = `
	trap '' HUP INT QUIT TERM
	cat >/dev/null
	whole=$1
	shift
	for name; do
		ip netns pids "$name" | xargs -r kill -9
		ip netns del "$name"
		ip link del "${name}d"
		ip link del "${name}c"
	done 2>/dev/null
	ip route del blackhole "$whole" metric 9999`

// guardNetworks returns what removes the networks. It happens too when this process ends before.
func guardNetworks(t *testing.T, whole string, names []string) func() {
	t.Helper()
	guard := exec.Command("sh", append([]string{"-c", guardingNetworks, "guard", whole}, names...)...)
	held, err := guard.StdinPipe()
	if err == nil {
		err = guard.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = io.Closer(held).Close()
		if err := guard.Wait(); err != nil {
			t.Errorf("the networks are not removed: %v", err)
		}
	}
}
