//go:build unix && !linux

package main

import "testing"

// smallDisk skips the test: there is no disk that is quickly made.
func smallDisk(t *testing.T) string {
	t.Helper()
	t.Skip("a small disk is made on Linux only")
	return ""
}
