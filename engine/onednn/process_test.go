//go:build unix && cgo

package onednn

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"visus/engine"
	"visus/graph"
	"visus/graph/grad"
	"visus/tensor"
)

func TestOpen(t *testing.T) {
	e := open(t)
	again, err := Open(Options{})
	if err != nil || again.Name() != e.Name() || !strings.HasPrefix(e.Name(), "onednn 3.") {
		t.Errorf("%q, opened again %v, %v", e.Name(), again, err)
	}
	if _, err := Open(Options{Library: "/other"}); err == nil || !strings.Contains(err.Error(), "onednn: ") || !strings.Contains(err.Error(), "/other") {
		t.Errorf("another library: %v", err)
	}
}

// TestInstructionSets runs tests of this package again in processes that may not use the processor's newer instructions.
func TestInstructionSets(t *testing.T) {
	if testing.Short() {
		t.Skip("runs other tests again")
	}
	open(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"AVX2", "SSE41"} {
		c := exec.Command(self, "-test.run=^(TestGoldenGraph|TestRandomGraphs|TestFound|TestEngine|TestNarrow|TestWhole)$", "-test.v", "-rapid.nofailfile", "-rapid.checks=50")
		c.Env = append(os.Environ(), "DNNL_MAX_CPU_ISA="+set)
		out, err := c.CombinedOutput()
		if passed := strings.Count(string(out), "\n--- PASS") + strings.Count(string(out), "\n--- SKIP"); err != nil || passed != 6 {
			t.Errorf("%s: %v\n%s", set, err, out)
		}
	}
}

// trainable is a convolution with a ReLU, a matrix and their gradients, whose weights are states.
func trainable(t *testing.T) (*graph.Graph, []engine.State) {
	t.Helper()
	b := graph.NewBuilder("small", 18)
	x := b.Input("x", tensor.Float32, graph.Dims(2, 3, 6, 6)...)
	w := b.Input("w", tensor.Float32, graph.Dims(8, 3, 3, 3)...)
	m := b.Input("m", tensor.Float32, graph.Dims(8*16, 5)...)
	y := b.Flatten(b.Relu(b.Conv(x, w, graph.Value{}, graph.Window{})), 1)
	y = b.Op("MatMul", []graph.Value{y, m})
	b.Output("loss", b.Op("ReduceSum", []graph.Value{b.Op("Mul", []graph.Value{y, y})}, graph.Attribute{Name: "keepdims", Value: int64(0)}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	names, err := grad.Append(g, "loss", "w", "m")
	if err != nil {
		t.Fatal(err)
	}
	b, err = graph.Extend(g)
	if err != nil {
		t.Fatal(err)
	}
	var states []engine.State
	for _, name := range []string{"w", "m"} {
		b.Output("next "+name, b.Op("Sub", []graph.Value{b.Value(name), b.Value(names[name])}))
		states = append(states, engine.State{Input: name, Output: "next " + name})
	}
	if g, err = b.Build(); err != nil {
		t.Fatal(err)
	}
	return g, states
}

// TestNothingLeaks compiles, runs and closes a small training step 10,000 times: the process does not grow.
func TestNothingLeaks(t *testing.T) {
	if testing.Short() {
		t.Skip("10,000 compilations")
	}
	e := open(t)
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		t.Skip(err)
	}
	g, states := trainable(t)
	x := tensor.New(tensor.Float32, 2, 3, 6, 6)
	cycle := func() {
		p, err := e.Compile(context.Background(), g, engine.Options{State: states})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(context.Background(), []*tensor.Tensor{x}, []*tensor.Tensor{nil}); err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	runtime.LockOSThread() // C's allocator has a heap for each thread
	defer runtime.UnlockOSThread()
	const cycles = 2500
	const limit = 100 * cycles // a leak grows in every round, Go's heap only breathes
	least := int64(math.MaxInt64)
	for range 4 { // the first may grow: caches and heaps fill
		before := resident(t)
		for range cycles {
			cycle()
		}
		least = min(least, resident(t)-before)
	}
	t.Logf("4 times %d cycles: resident memory grew by %d bytes in one of them", cycles, least)
	if least > limit {
		t.Errorf("resident memory grew by %d bytes in %d cycles", least, cycles)
	}
}

// resident returns the bytes of the process that lie in memory, after Go's garbage is gone.
func resident(t *testing.T) int64 {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var total, pages int64
	if _, err := fmt.Sscan(string(data), &total, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// shared is a convolution with its gradient, a state, that several threads share.
func shared(t *testing.T) (*graph.Graph, []engine.State) {
	t.Helper()
	b := graph.NewBuilder("wide", 18)
	y := b.Conv(b.Input("x", tensor.Float32, graph.Dims(32, 16, 32, 32)...), b.Input("w", tensor.Float32, graph.Dims(16, 16, 3, 3)...), graph.Value{}, graph.Window{})
	b.Output("loss", b.Op("ReduceSum", []graph.Value{b.Op("Mul", []graph.Value{y, y})}, graph.Attribute{Name: "keepdims", Value: int64(0)}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	names, err := grad.Append(g, "loss", "w")
	if err != nil {
		t.Fatal(err)
	}
	if b, err = graph.Extend(g); err != nil {
		t.Fatal(err)
	}
	b.Output("next w", b.Op("Sub", []graph.Value{b.Value("w"), b.Value(names["w"])}))
	if g, err = b.Build(); err != nil {
		t.Fatal(err)
	}
	return g, []engine.State{{Input: "w", Output: "next w"}}
}

// TestThreadsAreThoseAskedFor trains on one thread and on more, in processes whose OpenMP was told otherwise. oneDNN makes a primitive for a number
// of threads: it takes as many, and where fewer come it may wait for ever.
func TestThreadsAreThoseAskedFor(t *testing.T) {
	e := open(t)
	if os.Getenv("VISUS_TEST_THREADS") == "" {
		for _, variable := range []string{"OMP_NUM_THREADS=1", "OMP_NUM_THREADS=5", "OMP_THREAD_LIMIT=1", "OMP_DYNAMIC=true"} {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			c := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestThreadsAreThoseAskedFor$")
			c.Env = append(os.Environ(), "VISUS_TEST_THREADS=1", variable)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", variable, err, out)
			}
			cancel()
		}
		return
	}
	g, states := shared(t)
	x := tensor.New(tensor.Float32, 32, 16, 32, 32)
	for _, threads := range []int{2, 3, 1} {
		p, err := e.Compile(context.Background(), g, engine.Options{State: states, Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		before, began := processor(t), time.Now()
		for range 100 {
			if err := p.Run(context.Background(), []*tensor.Tensor{x}, []*tensor.Tensor{nil}); err != nil {
				t.Fatal(err)
			}
		}
		used, took := processor(t)-before, time.Since(began)
		p.Close()
		if threads == 1 && used > took*5/4 {
			t.Errorf("one thread took %v and %v of the processors", took, used)
		}
	}
}

// processor is the time that the process has spent on processors.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
