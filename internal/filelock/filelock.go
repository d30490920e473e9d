// Package filelock keeps a second process away from what one writes to.
package filelock

import "errors"

// ErrInUse says that another process holds the lock.
var ErrInUse = errors.New("another process writes here")
