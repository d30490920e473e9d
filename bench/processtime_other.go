//go:build !unix

package main

import (
	"errors"
	"time"
)

func processTime() (time.Duration, error) {
	return 0, errors.New("this system does not tell the processor time of a process")
}
