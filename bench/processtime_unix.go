//go:build unix

package main

import (
	"syscall"
	"time"
)

// processTime is the processor time that this process has taken, of all threads together.
func processTime() (time.Duration, error) {
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), err
}
