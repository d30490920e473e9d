//go:build !unix

package filelock

import "os"

// Lock does nothing on systems without flock: two processes are not told apart.
func Lock(*os.File) error { return nil }
