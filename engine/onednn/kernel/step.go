package kernel

import (
	"fmt"
	"unsafe"
)

// Step is a C function, int (*)(void *), with its argument. It gives 0 or what went wrong.
type Step struct {
	Function, Argument unsafe.Pointer
	Name               string // for messages
}

// StepError is a step that failed.
type StepError struct {
	Index, Status int
	Name          string
}

func (e *StepError) Error() string {
	return fmt.Sprintf("kernel: step %d (%s) failed: %s", e.Index, e.Name, reason(e.Status))
}
