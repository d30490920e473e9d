package speed

import (
	"runtime"
	"testing"
)

func TestMemoryIn(t *testing.T) {
	if m := memoryIn("Name:\tvisus\nVmHWM:\t   64000 kB\nVmRSS:\t 1000 kB\n"); m != (Memory{Now: 1024000, Peak: 65536000}) {
		t.Errorf("%+v, expected 1024000 now and a peak of 65536000", m)
	}
	if m := memoryIn("Name:\tvisus\n"); m != (Memory{}) {
		t.Errorf("%+v without the lines, expected zeros", m)
	}
}

func TestMemoryOfThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell")
	}
	if m := MemoryOf("self"); m.Now <= 0 || m.Peak < m.Now {
		t.Errorf("%+v, expected some memory and no less at the peak", m)
	}
	if m := MemoryOf("no process"); m != (Memory{}) {
		t.Errorf("%+v of no process, expected zeros", m)
	}
}
