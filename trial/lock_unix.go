//go:build unix

package trial

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock keeps a second process away from a journal. The system releases it when the process ends, however it ends.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return ErrInUse
	case errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOLCK):
		return nil // a network file system without locks
	}
	return err
}

// syncFolder makes a renaming last through a power failure.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("trial: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems know no such thing
		return fmt.Errorf("trial: %s: %w", dir, err)
	}
	return nil
}
