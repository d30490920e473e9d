//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"visus/engine/library"
	"visus/engine/ort"
)

// TestKill kills the program at random moments and gives the same command again until it ends. Every file of the result is then the one of
// an uninterrupted run.
func TestKill(t *testing.T) {
	e := newExamination(t)
	random := rand.New(rand.NewPCG(20, 3))
	for round := range 2 {
		folder := filepath.Join(e.dir, fmt.Sprint("killed-", round))
		inside := 0 // kills between the first and the last trial
		for runs := 1; ; runs++ {
			if runs > 100 {
				t.Fatal("100 runs, and still not finished")
			}
			p := e.start(t, folder)
			if runs%3 == 0 { // at any time, setting up and reporting included
				time.Sleep(time.Duration(random.Int64N(int64(e.took))))
			} else {
				p.reach(bytesOf(filepath.Join(folder, "trials.part.csv")) + 1 + random.Int64N(e.trials/3))
			}
			if p.running() && bytesOf(filepath.Join(folder, "trials.part.csv")) > 0 {
				inside++
			}
			if code := p.end(syscall.SIGKILL); code == done {
				t.Logf("round %d: %d runs, %d kills between the first and the last trial", round, runs, inside)
				break
			}
		}
		if inside == 0 {
			t.Error("no run was killed between the first and the last trial")
		}
		e.compare(t, folder)
	}
}

// TestInterrupt stops the program as Ctrl-C does, in each of its stages.
func TestInterrupt(t *testing.T) {
	e := newExamination(t)
	for _, c := range []struct {
		name string
		wait func(p *process)
		may  []int
	}{
		{"interrupted-setting-up", func(p *process) { p.until(func() bool { return p.stderr.Len() > 0 }) }, []int{interrupted}},
		{"interrupted-examining", func(p *process) { p.reach(e.trials / 3) }, []int{interrupted}},
		{"interrupted-reporting", func(p *process) { p.until(func() bool { return bytesOf(filepath.Join(p.folder, "trials.csv")) > 0 }) }, []int{interrupted, done}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := filepath.Join(e.dir, c.name)
			p := e.start(t, folder)
			c.wait(p)
			code := p.end(os.Interrupt)
			if code != c.may[0] && code != c.may[len(c.may)-1] {
				t.Fatalf("exit code %d, want one of %v; the program said\n%s", code, c.may, p.stderr.String())
			}
			said := strings.Contains(p.stderr.String(), "\nvisus: interrupted; what is done is kept, the same command goes on from there\n")
			if said != (code == interrupted) {
				t.Errorf("exit code %d, and it said\n%s", code, p.stderr.String())
			}
			if code := e.start(t, folder).end(nil); code != done {
				t.Fatalf("the run after it ended with %d", code)
			}
			e.compare(t, folder)
		})
	}
}

// TestInterruptOfOneFile stops a command that keeps nothing before its file is there, and says so.
func TestInterruptOfOneFile(t *testing.T) {
	e := newExamination(t)
	e.args = []string{"adapt", "normal.onnx", "--images", "photos", "--mode", "cotta", "--batch", "1", "--steps", "10000"}
	file := filepath.Join(e.dir, "learnt.onnx")
	p := e.start(t, file)
	p.until(func() bool { return strings.Contains(p.stderr.String(), "adapting to 12 images") })
	code := p.end(os.Interrupt)
	if said := p.stderr.String(); code != interrupted || !strings.HasSuffix(said, "visus: interrupted; nothing is kept, the same command begins anew\n") {
		t.Errorf("exit code %d, and it said\n%s", code, said)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file is there")
	}
}

// TestTwoAtOnce gives a command while another process still runs it.
func TestTwoAtOnce(t *testing.T) {
	e := newExamination(t)
	folder := filepath.Join(e.dir, "shared")
	first := e.start(t, folder)
	first.reach(e.trials / 4)
	if err := first.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	second := e.start(t, folder)
	code := second.end(nil)
	if said := second.stderr.String(); code != failed || !strings.HasSuffix(said, "trials.part.csv: another process writes here\n") {
		t.Errorf("the second process ended with %d and said\n%s", code, said)
	}
	if code := first.end(syscall.SIGCONT); code != done {
		t.Errorf("the first process ended with %d", code)
	}
	e.compare(t, folder)
}

// examinationRun is a command to be disturbed, and what it does undisturbed.
type examinationRun struct {
	dir    string
	args   []string
	took   time.Duration
	trials int64 // bytes of the table
	files  map[string][]byte
}

func newExamination(t *testing.T) *examinationRun {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the program many times")
	}
	if _, err := ort.Open(ort.Options{}); err != nil {
		t.Skipf("no ONNX Runtime: %v", err)
	}
	path, _, err := library.ONNXRuntime.Find()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(library.ONNXRuntime.Variable, path)
	e := &examinationRun{dir: t.TempDir()}
	if err := makeInputs(e.dir); err != nil {
		t.Fatal(err)
	}
	e.args = []string{"examine", "net.onnx", "other.onnx", "third.onnx", "--images", "broken", "--severity", "1,5", "--batch", "2"}
	whole := filepath.Join(e.dir, "undisturbed")
	start := time.Now()
	if code := e.start(t, whole).end(nil); code != done {
		t.Fatalf("the undisturbed run ended with %d", code)
	}
	e.took, e.trials, e.files = time.Since(start), bytesOf(filepath.Join(whole, "trials.csv")), contents(t, whole)
	return e
}

// compare fails where a folder does not hold the files of the undisturbed run, byte for byte but for its own name, and nothing else.
func (e *examinationRun) compare(t *testing.T, folder string) {
	t.Helper()
	got := contents(t, folder)
	for name, data := range e.files {
		if !bytes.Equal(got[name], data) {
			t.Errorf("%s has %d bytes that differ from the %d of the undisturbed run", name, len(got[name]), len(data))
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s is left over", name)
	}
}

func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	own := []byte(dir) // the report says how to run it again
	if err := walk(dir, func(path string, data []byte) { files[path] = bytes.ReplaceAll(data, own, []byte("FOLDER")) }); err != nil {
		t.Fatal(err)
	}
	return files
}

// process is a run of the program.
type process struct {
	*exec.Cmd
	folder string
	stderr *lockedBuffer
	ended  chan struct{}
}

func (e *examinationRun) start(t *testing.T, folder string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("visus", append(e.args, "--out", folder)...), folder: folder, stderr: &lockedBuffer{}, ended: make(chan struct{})}
	p.Dir, p.Stderr = e.dir, p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	return p
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// until waits for something, or for the program's end.
func (p *process) until(happened func() bool) {
	for p.running() && !happened() {
		time.Sleep(time.Millisecond)
	}
}

// reach waits until the table has so many bytes.
func (p *process) reach(bytes int64) {
	p.until(func() bool { return bytesOf(filepath.Join(p.folder, "trials.part.csv")) >= bytes })
}

// end sends a signal, nil for none, and returns the exit code once the program has ended.
func (p *process) end(s os.Signal) int {
	if s != nil {
		p.Process.Signal(s) // may have ended by itself
	}
	<-p.ended
	return p.ProcessState.ExitCode()
}

func bytesOf(path string) int64 {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		return -1
	}
	return info.Size()
}

// lockedBuffer may be read while a process writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Len()
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
