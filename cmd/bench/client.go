package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

// load says what a load generator does. It runs in a process of its own, so that it shares no garbage collector and no
// scheduler with what it measures.
type load struct {
	Addr        string
	Path        string
	Header      string // lines that every request has beside the key
	Keys        string // file of keys, one a line; empty when requests carry none
	Connections int
	Time        time.Duration
	Want        int // status of every answer
}

// result is what a load generator saw.
type result struct {
	Requests int
	Seconds  float64
	P50, P99 time.Duration
}

func (r result) perSecond() float64 { return float64(r.Requests) / r.Seconds }

// client makes the load that standard input says, and prints the result.
func client() error {
	var l load
	if err := json.NewDecoder(os.Stdin).Decode(&l); err != nil {
		return err
	}
	keys, err := readKeys(l.Keys)
	if err != nil {
		return err
	}
	took := make([][]time.Duration, l.Connections)
	errs := make([]error, l.Connections)
	began := time.Now()
	var all sync.WaitGroup
	for i := range l.Connections {
		all.Go(func() { took[i], errs[i] = l.ask(keys, began.Add(l.Time)) })
	}
	all.Wait()
	seconds := time.Since(began).Seconds()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	every := slices.Concat(took...)
	slices.Sort(every)
	if len(every) == 0 {
		return errors.New("no answer")
	}
	return json.NewEncoder(os.Stdout).Encode(result{
		Requests: len(every), Seconds: seconds, P50: every[len(every)/2], P99: every[len(every)*99/100],
	})
}

func readKeys(path string) ([][]byte, error) {
	if path == "" {
		return [][]byte{nil}, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return bytes.Fields(content), nil
}

// ask makes one request after the other on one connection, each with a random key, until the end.
func (l load) ask(keys [][]byte, end time.Time) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", l.Addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	answers := bufio.NewReaderSize(conn, 64<<10)
	head := "GET " + l.Path + " HTTP/1.1\r\nHost: " + l.Addr + "\r\n" + l.Header
	var request []byte
	for began := time.Now(); began.Before(end); {
		request = append(request[:0], head...)
		if key := keys[rand.IntN(len(keys))]; key != nil {
			request = append(append(append(request, "Authorization: Bearer "...), key...), "\r\n"...)
		}
		if _, err := conn.Write(append(request, "\r\n"...)); err != nil {
			return nil, err
		}
		status, err := readAnswer(answers)
		if err != nil {
			return nil, err
		}
		if status != l.Want {
			return nil, fmt.Errorf("answered %d, not %d", status, l.Want)
		}
		now := time.Now()
		took = append(took, now.Sub(began))
		began = now
	}
	return took, nil
}

// readAnswer reads an answer and returns its status.
func readAnswer(r *bufio.Reader) (status int, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 { // HTTP/1.1 200
		return 0, fmt.Errorf("answered %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, fmt.Errorf("answered %q", line)
	}
	length, chunked := 0, false
	for {
		if line, err = r.ReadSlice('\n'); err != nil {
			return 0, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		case "Transfer-Encoding":
			chunked = true
		}
	}
	if chunked {
		return status, skipChunks(r)
	}
	_, err = r.Discard(length)
	return status, err
}

func skipChunks(r *bufio.Reader) error {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, r, size+2); err != nil || size == 0 {
			return err
		}
	}
}
