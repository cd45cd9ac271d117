// A peer for tests of vsock that dials and listens with github.com/mdlayher/vsock, unmodified.
//
//	go-vsock id                              its own CID
//	go-vsock dial CID PORT COUNT GOROUTINES  COUNT connections, each asks with four bytes and expects them back
//	go-vsock echo PORT COUNT                 takes COUNT connections, sends back what comes until the peer's end
//	go-vsock refused CID PORT                what a dial says that nobody takes
//	go-vsock deadline PORT                   waits for a connection until a deadline, and then without one
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mdlayher/vsock"
)

func main() {
	if len(os.Args) < 2 {
		fail(errors.New("usage: go-vsock id | dial | echo | refused | deadline"))
	}

	switch os.Args[1] {
	case "id":
		cid, err := vsock.ContextID()
		check(err)
		fmt.Printf("own CID: %d\n", cid)
	case "dial":
		dial(number(2), number(3), number(4), number(5))
	case "echo":
		echo(number(2), number(3))
	case "refused":
		_, err := vsock.Dial(number(2), number(3), nil)
		fmt.Printf("refused: %v\n", err)
	case "deadline":
		deadline(number(2))
	}
}

func dial(cid, port, count, goroutines uint32) {
	var next, good atomic.Uint32
	var all sync.WaitGroup
	for range goroutines {
		all.Add(1)
		go func() {
			defer all.Done()
			for asked := next.Add(1); asked <= count; asked = next.Add(1) {
				if err := ask(cid, port, asked); err == nil {
					good.Add(1)
				} else {
					fmt.Printf("connection %d: %v\n", asked, err)
				}
			}
		}()
	}

	all.Wait()
	fmt.Printf("dialled: %d of %d\n", good.Load(), count)
}

func ask(cid, port, asked uint32) error {
	connection, err := vsock.Dial(cid, port, nil)
	if err != nil {
		return err
	}

	defer connection.Close()
	if there := connection.RemoteAddr().(*vsock.Addr); there.ContextID != cid || there.Port != port {
		return fmt.Errorf("connected to %v", there)
	}

	question, answer := make([]byte, 4), make([]byte, 4)
	binary.LittleEndian.PutUint32(question, asked)
	if _, err := connection.Write(question); err != nil {
		return err
	}

	if _, err := io.ReadFull(connection, answer); err != nil {
		return err
	}

	if string(answer) != string(question) {
		return fmt.Errorf("asked %x, heard %x", question, answer)
	}

	return nil
}

func echo(port, count uint32) {
	listener, err := vsock.Listen(port, nil)
	check(err)
	fmt.Printf("listening: %v\n", listener.Addr())
	var all sync.WaitGroup
	for range count {
		connection, err := listener.Accept()
		check(err)
		fmt.Printf("accepted from CID %d\n", connection.RemoteAddr().(*vsock.Addr).ContextID)
		all.Add(1)
		go func() {
			defer all.Done()
			defer connection.Close()
			_, err := io.Copy(connection, connection)
			check(err)
			check(connection.(*vsock.Conn).CloseWrite())
		}()
	}

	all.Wait()
	check(listener.Close())
	fmt.Printf("served: %d\n", count)
}

func deadline(port uint32) {
	listener, err := vsock.Listen(port, nil)
	check(err)
	check(listener.SetDeadline(time.Now().Add(100 * time.Millisecond)))
	_, err = listener.Accept()
	fmt.Printf("deadline: %t\n", errors.Is(err, os.ErrDeadlineExceeded))
	check(listener.SetDeadline(time.Time{}))
	go func() {
		time.Sleep(100 * time.Millisecond)
		listener.Close()
	}()
	_, err = listener.Accept()
	fmt.Printf("closed: %t\n", err != nil)
}

func number(index int) uint32 {
	if index >= len(os.Args) {
		fail(fmt.Errorf("%s: argument %d is missing", os.Args[1], index-1))
	}

	value, err := strconv.ParseUint(os.Args[index], 10, 32)
	check(err)
	return uint32(value)
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Printf("failed: %v\n", err)
	os.Exit(1)
}
