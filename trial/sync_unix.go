//go:build unix

package trial

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

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
