package speed

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is the resident memory of a process in bytes.
type Memory struct {
	Now  int64
	Peak int64 // the most there has been
}

// MemoryOf reads that of a process, by its number or "self". It is 0 where the system does not tell: Linux does.
func MemoryOf(process string) Memory {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%s/status", process))
	if err != nil {
		return Memory{}
	}
	return memoryIn(string(status))
}

// memoryIn reads the lines "VmHWM:   12345 kB" and "VmRSS:   1234 kB".
func memoryIn(status string) Memory {
	var m Memory
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		kB, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch {
		case err != nil:
		case key == "VmHWM":
			m.Peak = 1024 * kB
		case key == "VmRSS":
			m.Now = 1024 * kB
		}
	}
	return m
}
