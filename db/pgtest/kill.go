package pgtest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Kill ends all processes of the server at once and waits until they are gone, so that none of them finishes what it is
// at: as if the power had failed.
func (s *Server) Kill() {
	s.t.Helper()
	others := children(s.process.Pid)
	_ = s.process.Kill() // first, or it would begin to clear up after the others
	for _, process := range others {
		_ = process.Kill()
	}
	<-s.ended
	s.killed = true
}

// Restart starts the killed server again, with the same data on the same port, and waits until it accepts connections.
func (s *Server) Restart() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
}

// clearUp frees the shared memory of a killed server, which otherwise only its next start does. That start is enough of
// one: it reads commands from /dev/null.
func (s *Server) clearUp() {
	if s.killed {
		_ = s.home.run("postgres", "--single", "-F", "-D", s.data())
	}
}

// children returns the processes that this one has started. Where the system does not tell, they end by themselves when
// they notice that they have lost their parent.
func children(pid int) []*os.Process {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var found []*os.Process
	for _, field := range strings.Fields(string(text)) {
		if child, err := strconv.Atoi(field); err == nil {
			if process, err := os.FindProcess(child); err == nil {
				found = append(found, process)
			}
		}
	}
	return found
}
