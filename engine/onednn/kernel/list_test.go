//go:build unix && cgo

package kernel

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"visus/engine/onednn/dnnl"
	"visus/tensor"
)

// counter is a step that adds 1 to a number, slowly where n is large: it does so n times.
func counter(t *testing.T, n int) (Step, *float32) {
	t.Helper()
	at := Allocate(4 * n)
	numbers := unsafe.Slice((*float32)(at), n)
	clear(numbers)
	l := Loop{
		Dims: []int{n}, Operands: []Operand{{Memory: at, Type: tensor.Float32, Strides: []int{1}}},
		Code:    []Instruction{{Op: Constant, Value: 1}, {Op: Add, A: 0, B: 1}},
		Results: []Result{{Register: 2, Memory: at, Type: tensor.Float32, Strides: []int{1}}},
	}
	step, release, err := l.Step(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { release(); Free(at) })
	return step, &numbers[n-1]
}

func listOf(t *testing.T, threads int, steps []Step, commit int) *List {
	t.Helper()
	l := must(NewList(threads, steps, commit))(t)
	t.Cleanup(l.Close)
	return l
}

// TestListStops: a context that is done ends a run before the next step, but not from commit on; the next run is whole.
func TestListStops(t *testing.T) {
	step, count := counter(t, 1<<20)
	const most = 3000 // more than a second
	steps := slices.Repeat([]Step{step}, most)
	l := listOf(t, 2, steps, most)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := l.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run returned %v", err)
	}
	stopped := *count
	if stopped == 0 || stopped == most {
		t.Errorf("%v of %d steps ran", stopped, most)
	}
	if err := l.Run(ctx); !errors.Is(err, context.Canceled) || *count != stopped {
		t.Errorf("a run after the cancellation returned %v and ran %v steps", err, *count-stopped)
	}

	committed := listOf(t, 2, steps[:200], 0)
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	time.AfterFunc(5*time.Millisecond, cancel)
	if err := committed.Run(ctx); err != nil || *count != stopped+200 {
		t.Errorf("from commit on, a cancelled run returned %v and ran %v of 200 steps", err, *count-stopped)
	}
	if err := committed.Run(context.Background()); err != nil || *count != stopped+400 {
		t.Errorf("the next run returned %v and ran %v of 200 steps", err, *count-stopped-200)
	}
}

// TestListFails: a step's status comes back with its index and name, and no later step runs.
func TestListFails(t *testing.T) {
	library, err := dnnl.Open("")
	if err != nil {
		t.Skip(err)
	}
	step, count := counter(t, 1)
	text := Allocate(2)
	defer Free(text)
	copy(unsafe.Slice((*byte)(text), 2), "7\x00")
	seven := Step{Function: library.Symbol("atoi"), Argument: text, Name: "seven"} // a C function that gives 7
	if seven.Function == nil {
		t.Skip("no atoi in reach")
	}
	l := listOf(t, 1, []Step{step, step, seven, step}, 4)
	var failed *StepError
	if err := l.Run(context.Background()); !errors.As(err, &failed) || *failed != (StepError{Index: 2, Status: 7, Name: "seven"}) || *count != 2 {
		t.Errorf("got %v after %v steps", err, *count)
	}
	if !strings.Contains(failed.Error(), "seven") {
		t.Errorf("%q does not name the step", failed)
	}
}

func TestListCloses(t *testing.T) {
	step, count := counter(t, 1)
	l := listOf(t, 1, []Step{step}, 1)
	if times := l.Profile(); len(times) != 1 || times[0] <= 0 || *count != 1 {
		t.Errorf("the profile is %v, %v steps ran", times, *count)
	}
	l.Close()
	l.Close()
	if err := l.Run(context.Background()); err == nil || *count != 1 {
		t.Errorf("a closed list ran")
	}
	if l.Profile() != nil {
		t.Error("a closed list has a profile")
	}
	for _, wrong := range [][2]int{{0, 0}, {1, -1}} {
		if _, err := NewList(wrong[0], nil, wrong[1]); err == nil {
			t.Errorf("%v threads and commit: no error", wrong)
		}
	}
	if err := listOf(t, 1, nil, 0).Run(context.Background()); err != nil {
		t.Errorf("an empty list: %v", err)
	}
}

// TestListsSideBySide runs lists at once, from more goroutines than processors.
func TestListsSideBySide(t *testing.T) {
	var group sync.WaitGroup
	const lists, runs = 4, 50
	counts := make([]*float32, lists)
	for i := range lists {
		step, count := counter(t, 40000)
		counts[i] = count
		l := listOf(t, 1+i%2, []Step{step, step}, 2)
		group.Go(func() {
			for range runs {
				ctx, cancel := context.WithCancel(context.Background())
				if err := l.Run(ctx); err != nil {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	group.Wait()
	for i, count := range counts {
		if *count != 2*runs {
			t.Errorf("list %d: %v steps of %d", i, *count, 2*runs)
		}
	}
}

// TestRepeats: sums and means of real numbers have the same bits in every run on so many threads.
func TestRepeats(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, strides := range [][]int{{1 << 10, 1}, {1, 300}} {
		for _, kept := range [][]int{{0, 0}, {1, 0}, {0, 1}} {
			l := &testLoop{Loop: Loop{Dims: []int{300, 1 << 10}}}
			defer l.free()
			in, out := roomFor(tensor.Float32, l.Dims, strides), roomFor(tensor.Float32, l.Dims, kept)
			total := 0.0
			each(l.Dims, func(index []int) {
				in.put(dot(index, strides), random.NormFloat64())
				total += in.get(dot(index, strides))
			})
			l.Operands, l.in = []Operand{{Memory: in.at(0), Type: tensor.Float32, Strides: strides}}, []*room{in}
			l.Results = []Result{{Memory: out.at(0), Type: tensor.Float32, Strides: kept, Fold: FoldSum}}
			l.out = []*room{out}
			for threads := 1; threads <= 3; threads++ {
				l.run(t, threads)
				first := slices.Clone(out.all())
				for range 20 {
					if l.run(t, threads); !slices.Equal(out.all(), first) {
						t.Errorf("strides %v, kept %v, %d threads: two runs differ", strides, kept, threads)
					}
				}
				if kept[0]+kept[1] == 0 && math.Abs(out.get(0)-total) > 1e-3 {
					t.Errorf("strides %v, %d threads: the sum is %v, want %v", strides, threads, out.get(0), total)
				}
			}
		}
	}
}

// TestWrongLoops: what makes no sense is told before anything runs.
func TestWrongLoops(t *testing.T) {
	memory := Allocate(64)
	defer Free(memory)
	good := func() Loop {
		return Loop{
			Dims: []int{4}, Operands: []Operand{{Memory: memory, Type: tensor.Float32, Strides: []int{1}}}, Code: []Instruction{{Op: Neg}},
			Results: []Result{{Register: 1, Memory: memory, Type: tensor.Float32, Strides: []int{1}}},
		}
	}
	if _, release, err := good().Step(1); err != nil {
		t.Fatal(err)
	} else {
		release()
	}
	for what, spoil := range map[string]func(*Loop){
		"dimension 0: expected a size of 0":      func(l *Loop) { l.Dims[0] = -1 },
		"operand 0: expected 1 strides, found 2": func(l *Loop) { l.Operands[0].Strides = []int{1, 1} },
		"operand 0: expected memory":             func(l *Loop) { l.Operands[0].Memory = nil },
		"operand 0: expected float32":            func(l *Loop) { l.Operands[0].Type = tensor.Float16 },
		"instruction 0: expected an operator":    func(l *Loop) { l.Code[0].Op = operators },
		"instruction 0: expected a dimension":    func(l *Loop) { l.Code[0] = Instruction{Op: Index, A: 1} },
		"instruction 0: expected a register":     func(l *Loop) { l.Code[0].A = 1 },
		"result 0: expected a register":          func(l *Loop) { l.Results[0].Register = 2 },
		"result 0: expected a fold":              func(l *Loop) { l.Results[0].Fold = FoldProduct + 1 },
		"result 0: expected strides other":       func(l *Loop) { l.Results[0].Strides[0] = 0 },
		"folds with float64":                     func(l *Loop) { l.Operands[0].Type, l.Results[0].Fold = tensor.Float64, FoldSum },
	} {
		l := good()
		spoil(&l)
		if _, _, err := l.Step(1); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want %q", err, what)
		}
	}
}

// TestExact: loops over float64 keep what float32 would round.
func TestExact(t *testing.T) {
	for op := Copy; op < operators; op++ {
		l := &testLoop{Loop: Loop{Dims: []int{len(specials)}, Code: []Instruction{{Op: op, A: 0, B: 1, C: 2}}}}
		for k := range 3 {
			r := roomFor(tensor.Float64, l.Dims, []int{1})
			for i := range specials {
				r.put(i, float64(specials[(i*(k+1)+k)%len(specials)])*(1+1e-12))
			}
			l.Operands, l.in = append(l.Operands, Operand{Memory: r.at(0), Type: tensor.Float64, Strides: []int{1}}), append(l.in, r)
		}
		out := roomFor(tensor.Float64, l.Dims, []int{1})
		l.Results, l.out = []Result{{Register: 3, Memory: out.at(0), Type: tensor.Float64, Strides: []int{1}}}, []*room{out}
		l.run(t, 1)
		for i := range specials {
			a, b, c := l.in[0].get(i), l.in[1].get(i), l.in[2].get(i)
			got, want := out.get(i), meanings[op](a, b, c)
			if got != want && !(math.Abs(got-want) <= 1e-14*math.Abs(want)) && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Errorf("operator %d of %v, %v, %v is %v, want %v", op, a, b, c, got, want)
			}
		}
		l.free()
	}
}

// TestInstructionSets runs the tests of loops in processes that are kept from the processor's newer instructions.
func TestInstructionSets(t *testing.T) {
	if testing.Short() {
		t.Skip("runs other tests again")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"AVX2", "SSE41"} {
		c := exec.Command(self, "-test.run=^(TestLoops|TestOperators|TestRepeats)$", "-test.v", "-rapid.nofailfile")
		c.Env = append(os.Environ(), "DNNL_MAX_CPU_ISA="+set)
		out, err := c.CombinedOutput()
		if err != nil || strings.Count(string(out), "--- PASS") != 3 {
			t.Errorf("%s: %v\n%s", set, err, out)
		}
	}
}
