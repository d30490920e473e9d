//go:build unix

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Lock takes a file or folder, until it is closed or the process ends, however it ends. It returns ErrInUse where another process, or
// another opening of the file in this one, has it. File systems without locks let everybody in.
func Lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return ErrInUse
	case errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOLCK):
		return nil // a network file system without locks
	}
	return err
}
