//go:build unix && cgo

package dnnl

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

func TestOpen(t *testing.T) {
	l := open(t)
	if !strings.HasPrefix(l.Version(), "3.") || l.ISA() == "" || l.Threads() < 1 {
		t.Errorf("version %q, instruction set %q, %d threads", l.Version(), l.ISA(), l.Threads())
	}
	again, err := Open(l.Path())
	if err != nil || again != l {
		t.Errorf("opened again: %v, %v", again, err)
	}
	if _, err := Open("/other"); err == nil || !strings.Contains(err.Error(), "/other asked for, but this process has already loaded "+l.Path()) {
		t.Errorf("another file: %v", err)
	}
	if l.Symbol("dnnl_version") == nil || l.Symbol("dnnl_nonsense") != nil {
		t.Error("Symbol finds a function that is not there, or misses one that is")
	}
}

// compiled makes a shared library of C source.
func compiled(t *testing.T, source string) string {
	t.Helper()
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "libdnnl.so")
	if err := os.WriteFile(filepath.Join(dir, "a.c"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(compiler, "-shared", "-fPIC", "-o", file, filepath.Join(dir, "a.c")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

func TestWrongLibraries(t *testing.T) {
	// version is a library with nothing but dnnl_version.
	version := func(major, minor, cpu int) string {
		return fmt.Sprintf(`struct { int major, minor, patch; const char *hash; unsigned cpu, gpu; } v = {%d, %d, 1, "", %d, 0};
void *dnnl_version(void) { return &v; }`, major, minor, cpu)
	}
	text := filepath.Join(t.TempDir(), "libdnnl.so")
	if err := os.WriteFile(text, []byte("nothing"), 0o644); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(compiled(t, version(3, 4, 2)))
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "libdnnl.so")
	if err := os.WriteFile(cut, data[:len(data)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, file, version, want string }{
		{"cut off", cut, "", "it is cut off after "},
		{"2.x", compiled(t, version(2, 7, 2)), "2.7.1", "its interface is another one"},
		{"4.x", compiled(t, version(4, 0, 2)), "4.0.1", "its interface is another one"},
		{"SYCL", compiled(t, version(3, 4, 512)), "3.4.1", "it computes through SYCL"},
		{"incomplete", compiled(t, version(3, 0, 2)), "3.0.1", "it lacks dnnl_status2str"},
		{"another library", compiled(t, "int nothing;"), "", "it has no dnnl_version"},
		{"text", text, "", "too short"},
		{"absent", filepath.Join(t.TempDir(), "none.so"), "", "cannot open"},
	} {
		l, err := load(c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) || l.version != c.version {
			t.Errorf("%s: version %q, %v; want %q, %q", c.name, l.version, err, c.version, c.want)
		}
	}
}

// What Open says has to name the file, what was found and what is needed. It is tried in a process of its own, as this one has a library.
func TestOpenRefusesOldLibrary(t *testing.T) {
	if os.Getenv("VISUS_TEST_OPEN") != "" {
		_, err := Open("")
		fmt.Println(err)
		return
	}
	file := compiled(t, `struct { int major, minor, patch; } v = {2, 7, 1}; void *dnnl_version(void) { return &v; }`)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestOpenRefusesOldLibrary$")
	cmd.Env = append(os.Environ(), "VISUS_TEST_OPEN=1", "VISUS_ONEDNN="+file)
	out, err := cmd.CombinedOutput()
	want := "dnnl: oneDNN 3.0 or later of 3.x is needed, but " + file + " (version 2.7.1) cannot serve: its interface is another one; " +
		"run `make runtime` or set VISUS_ONEDNN to another library\n"
	if err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v, prints %s, want %s", err, out, want)
	}
}

// small is a convolution that takes a microsecond.
func small(t testing.TB, s *Scope) *Primitive {
	t.Helper()
	return must(s.Convolution(Convolution{
		Src: must(s.Any(F32, 1, 4, 4, 4))(t), Weights: must(s.Any(F32, 8, 4, 3, 3))(t), Bias: must(s.Any(F32, 8))(t), Dst: must(s.Any(F32, 1, 8, 2, 2))(t),
	}))(t)
}

// bound is a call with memory whose elements are 0.
func bound(t testing.TB, p *Primitive, args ...Arg) *Call {
	t.Helper()
	return must(p.Bind(bindings(t, p, args...)...))(t)
}

// bindings gives the arguments, and workspace and scratchpad where they are wanted, memory whose elements are 0.
func bindings(t testing.TB, p *Primitive, args ...Arg) []Binding {
	t.Helper()
	var out []Binding
	for _, a := range append(args, Workspace, Scratchpad) {
		d := p.Want(a)
		out = append(out, Binding{a, d, unsafe.Pointer(unsafe.SliceData(memory(t, d.Bytes())))})
	}
	return out
}

func TestClosedScope(t *testing.T) {
	s := scope(t)
	p := small(t, s)
	args := bindings(t, p, Src, Weights, Bias, Dst)
	call := must(p.Bind(args...))(t)
	desc := p.Want(Src)
	s.Close()
	s.Close()
	_, bind := p.Bind(args...)
	_, plain := s.Plain(F32, 1)
	_, made := scope(t).Reorder(desc, desc, Attributes{})
	for name, err := range map[string]error{"Bind": bind, "Run": call.Run(), "Plain": plain, "Reorder": made} {
		if err != errClosed {
			t.Errorf("%s after Close reports %v", name, err)
		}
	}
	if desc.Bytes() != 0 || desc.Layout().Dims != nil || p.Want(Src) != (Desc{}) || p.Implementation() != "" {
		t.Error("a closed scope still describes")
	}
}

func TestBindRefusesWhatThePrimitiveDoesNotWant(t *testing.T) {
	s := scope(t)
	p := small(t, s)
	args := bindings(t, p, Src, Weights, Bias, Dst)
	other := slices.Clone(args)
	other[0].Desc = must(s.Plain(F32, 1, 4, 4, 5))(t)
	want := "source: the primitive wants f32[1 4 4 4] in its own layout, found f32[1 4 4 5]"
	if _, err := p.Bind(other...); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("another shape: %v", err)
	}
	other = slices.Clone(args)
	other[3].Memory = nil
	if _, err := p.Bind(other...); err == nil || !strings.Contains(err.Error(), "destination: ") || !strings.Contains(err.Error(), "found none") {
		t.Errorf("no memory: %v", err)
	}
	call := must(p.Bind(args[1:]...))(t)
	if err := call.Run(); fmt.Sprint(err) != "dnnl: dnnl_primitive_execute: invalid_arguments" {
		t.Errorf("without a source: %v", err)
	}
}

// resident returns the pages of the process that lie in memory.
func resident(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(data), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages
}

func TestNothingLeaks(t *testing.T) {
	l := open(t)
	keep := small(t, scope(t)) // its descriptors say how much memory the calls need
	given := bindings(t, keep, Src, Weights, Bias, Dst)
	cycle := func() {
		s := l.NewScope(0)
		defer s.Close()
		p := small(t, s)
		var args []Binding
		for _, b := range given {
			args = append(args, Binding{b.Arg, p.Want(b.Arg), b.Memory})
		}
		if err := must(p.Bind(args...))(t).Run(); err != nil {
			t.Fatal(err)
		}
	}
	const cycles, rounds = 10000, 4
	runtime.LockOSThread() // C's allocator has a heap for each thread
	defer runtime.UnlockOSThread()
	least, before := math.MaxInt, 0
	for i := range rounds + 1 { // the first warms up
		for range cycles {
			cycle()
		}
		debug.FreeOSMemory()
		now := resident(t)
		if i > 0 {
			least = min(least, (now-before)*os.Getpagesize())
		}
		before = now
	}
	t.Logf("%d times %d cycles: resident memory grew by %d bytes in one of them", rounds, cycles, least)
	// Go's heap breathes, but a leak grows in every round: a descriptor, memory object or call has at least 100 bytes.
	if limit := 50 * cycles; least > limit {
		t.Errorf("resident memory grew by %d bytes, more than %d", least, limit)
	}
}

// processor returns the processor time that this process has used.
func processor(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// large is a convolution that is worth several threads.
func large(t testing.TB) *Call {
	t.Helper()
	s := scope(t)
	p := must(s.Convolution(Convolution{
		Src: must(s.Any(F32, 8, 32, 16, 16))(t), Weights: must(s.Any(F32, 32, 32, 3, 3))(t), Dst: must(s.Any(F32, 8, 32, 16, 16))(t),
		PadsBegin: []int{1, 1}, PadsEnd: []int{1, 1},
	}))(t)
	return bound(t, p, Src, Weights, Dst)
}

// alone runs the test in a process of its own and returns false, or true in that process. Where more threads have called oneDNN than there are
// processors for all of their OpenMP threads, GNU OpenMP hardly spins at all.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv("VISUS_TEST_ALONE") != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "VISUS_TEST_ALONE=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
	return false
}

// Threads that go on spinning after a run use more than 2 ms of a processor with GNU OpenMP's own number of spins.
func TestThreadsLetGo(t *testing.T) {
	if os.Getenv("GOMP_SPINCOUNT") != "" || os.Getenv("OMP_WAIT_POLICY") != "" {
		t.Skip("the environment says how threads wait")
	}
	if !alone(t) {
		return
	}
	runtime.LockOSThread()
	call := large(t)
	least := time.Duration(math.MaxInt64)
	for range 10 {
		if err := call.Run(); err != nil {
			t.Fatal(err)
		}
		before := processor(t)
		time.Sleep(20 * time.Millisecond)
		least = min(least, processor(t)-before)
	}
	t.Logf("processor time in 20 ms of rest after a run: %v", least)
	if least > time.Millisecond {
		t.Errorf("a resting process uses %v of a processor", least)
	}
}

// BenchmarkGap runs a convolution after gaps in which only this thread is busy: how long do the other threads stay awake?
func BenchmarkGap(b *testing.B) {
	for _, gap := range []time.Duration{0, 20, 50, 100, 200, 500, 1000} {
		gap *= time.Microsecond
		b.Run(gap.String(), func(b *testing.B) {
			runtime.LockOSThread() // for good, so that the thread and its OpenMP threads end with this goroutine
			call := large(b)
			var times []time.Duration
			for b.Loop() {
				for start := time.Now(); time.Since(start) < gap; {
				}
				start := time.Now()
				if err := call.Run(); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Nanoseconds()), "ns/run")
		})
	}
}
