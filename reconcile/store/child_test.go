package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// The test binary starts itself where a test needs another process: one that
// can be killed, or one with a umask of its own.

const childWord = "STORE_TEST_CHILD"

var children = map[string]func(dir string) error{
	"append": childAppend,
	"lease":  childLease,
	"umask":  childUmask,
	"work":   childWork,
}

func TestMain(m *testing.M) {
	word, dir, ok := strings.Cut(os.Getenv(childWord), " ")
	if !ok {
		os.Exit(m.Run())
	}
	if err := children[word](dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child starts a process; its lines come from the scanner.
func child(t *testing.T, word, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childWord+"="+word+" "+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, bufio.NewScanner(out)
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}

// childAppend takes the lease and appends until it is killed. It prints each
// record's hash once the journal has taken it.
func childAppend(dir string) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	lease, err := s.Lease(context.Background(), stack, "child")
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	for caller := range 4 {
		group.Go(func() {
			for i := 0; ; i++ {
				records := step(reconcile.NewKey("Container", fmt.Sprintf("c%d", caller)), i)
				if err := lease.Journal().Append(context.Background(), records...); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				for _, r := range records {
					fmt.Println(r.Seq, r.Sum)
				}
			}
		})
	}
	group.Wait()
	return errors.New("it ended by itself")
}

// childLease prints whether it got the lease, and keeps it until its input ends.
func childLease(dir string) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	if _, err := s.Lease(context.Background(), stack, "child"); err != nil {
		fmt.Println("refused:", err)
		return nil
	}
	fmt.Println("taken")
	select {}
}
