package train

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"visus/engine"
	"visus/engine/choice"
	"visus/engine/choice/choicetest"
	"visus/graph"
	"visus/graph/nn"
	"visus/tensor"
)

func open(t testing.TB) engine.Engine {
	t.Helper()
	return choicetest.Open(t, choice.ORT)
}

const (
	rows  = 8
	width = 4
)

// regression is a step of least squares with momentum, written out: prediction x·w, loss mean((x·w - y)²), gradient 2/rows·xᵀ(x·w - y),
// v ← 0.9·v + gradient, w ← w - rate·v, and an average a ← 0.5·a + 0.5·w. x is multiplied by a mask before.
func regression(t testing.TB, width int) Step {
	t.Helper()
	b := graph.NewBuilder("regression", 18)
	x, y := b.Input("x", tensor.Float32, graph.Dims(rows, width)...), b.Input("y", tensor.Float32, graph.Dims(rows, 1)...)
	mask := b.Input("mask", tensor.Float32, graph.Dims(rows, width)...)
	rate := b.Input("rate", tensor.Float32)
	column := graph.Dims(width, 1)
	w, v, a := b.Input("w", tensor.Float32, column...), b.Input("w.momentum", tensor.Float32, column...), b.Input("w.average", tensor.Float32, column...)
	scalar := func(value float32) graph.Value {
		c := tensor.New(tensor.Float32)
		tensor.Values[float32](c)[0] = value
		return b.Initializer(fmt.Sprint("c", value), c)
	}
	op := func(name string, in ...graph.Value) graph.Value { return b.Op(name, in) }
	x = op("Mul", x, mask)
	difference := op("Sub", op("MatMul", x, w), y)
	keep := graph.Attribute{Name: "keepdims", Value: int64(0)}
	b.Output("loss", b.Op("ReduceMean", []graph.Value{op("Mul", difference, difference)}, keep))
	b.Output("distance", b.Op("ReduceMax", []graph.Value{op("Abs", difference)}, keep))
	transposed := b.Op("Transpose", []graph.Value{x}, graph.Attribute{Name: "perm", Value: []int64{1, 0}})
	gradient := op("Mul", op("MatMul", transposed, difference), scalar(2./rows))
	momentum := op("Add", op("Mul", v, scalar(0.9)), gradient)
	next := op("Sub", w, op("Mul", momentum, rate))
	half := scalar(0.5)
	b.Output("w.next", next)
	b.Output("w.momentum.next", momentum)
	b.Output("w.average.next", op("Add", op("Mul", a, half), op("Mul", next, half)))
	one := b.Ints(1)
	b.Output("peaks", op("Reshape", b.Op("ReduceMax", []graph.Value{op("Abs", gradient)}, keep), one))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return Step{
		Graph: g, Loss: "loss", Metrics: []string{"distance"}, Rate: "rate", Network: []string{"w"}, Average: map[string]string{"w": "w.average"},
		Masks:     []nn.Mask{{Input: g.Inputs[2], Keep: 0.75}},
		Gradients: "peaks", GradientsOf: []string{"w"},
		State: []graph.State{
			{Input: "w", Output: "w.next", Initial: tensor.New(tensor.Float32, width, 1)},
			{Input: "w.momentum", Output: "w.momentum.next", Initial: tensor.New(tensor.Float32, width, 1)},
			{Input: "w.average", Output: "w.average.next", Initial: tensor.New(tensor.Float32, width, 1)},
		},
	}
}

// line is data of y = 1·x₀ + 2·x₁ + …, with noise from each item's stream. It notes which item was shown under which seed.
type line struct {
	n     int
	bad   int // 1 + the item that cannot be read
	mutex *sync.Mutex
	seen  map[int][]uint64
}

func newLine(n int) line { return line{n: n, mutex: new(sync.Mutex), seen: map[int][]uint64{}} }

func (l line) Len() int { return l.n }

func (l line) seeds(item int) []uint64 {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.seen[item]
}

func (l line) Filler() (Filler, error) {
	return func(batch []*tensor.Tensor, row, item int, seed uint64) error {
		if item == l.bad-1 {
			return errors.New("cannot be read")
		}
		x, y := tensor.Values[float32](batch[0])[row*width:][:width], tensor.Values[float32](batch[1])[row:]
		y[0] = float32(seed%1000) / 10000
		for k := range x {
			x[k] = float32(math.Sin(float64(item*width + k)))
			y[0] += float32(k+1) * x[k]
		}
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.seen[item] = append(l.seen[item], seed)
		return nil
	}, nil
}

// fit is a run of 3 epochs of 12 steps; 4 of the 100 items are left over each epoch.
func fit(t testing.TB, folder string) Run {
	return Run{
		Step: regression(t, width), Data: newLine(100), Epochs: 3, Seed: 5, Folder: folder, Threads: 1,
		Schedule: func(step int) float64 { return 0.05 / (1 + float64(step)/10) },
	}
}

// TestInUse: a folder takes one run at a time, and is free again behind it.
func TestInUse(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("without flock two runs are not told apart")
	}
	folder := t.TempDir()
	r, asked := fit(t, folder), 0
	r.Told = func(Epoch) {
		asked++
		if _, err := fit(t, folder).Train(context.Background(), open(t)); !errors.Is(err, ErrInUse) {
			t.Errorf("a second run ended with %v", err)
		}
	}
	train(t, r)
	if asked != 3 {
		t.Errorf("asked %d times, want after each of 3 epochs", asked)
	}
	train(t, fit(t, folder))
}

func train(t testing.TB, r Run) *Result {
	t.Helper()
	result, err := r.Train(context.Background(), open(t))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestTrain(t *testing.T) {
	folder := t.TempDir()
	r := fit(t, folder)
	r.Window = 5
	told := 0
	r.Told = func(Epoch) { told++ }
	result := train(t, r)
	if first, last := result.History[0].Loss, result.History[2].Loss; len(result.History) != 3 || last > first/3 {
		t.Errorf("the loss went from %g to %g", first, last)
	}
	if result.Best != 3 || result.Stopped || told != 3 || result.History[1].Step != 24 || result.History[1].Rate != r.Schedule(23) || len(result.Network) != 1 {
		t.Errorf("got %+v, told of %d epochs", result, told)
	}
	table := readTable(t, folder)
	var steps []string
	for _, row := range table {
		steps = append(steps, row[0])
	}
	if want := "step 5 10 12 17 22 24 29 34 36"; strings.Join(steps, " ") != want || strings.Join(table[0], " ") != "step epoch learning_rate loss distance" {
		t.Errorf("rows of steps %v, want %s; columns %v", steps, want, table[0])
	}
	weighted := 0.0
	for i, steps := range []float64{5, 5, 2} {
		loss, err := strconv.ParseFloat(table[4+i][3], 64)
		if err != nil {
			t.Fatal(err)
		}
		weighted += loss * steps / 12
	}
	if math.Abs(weighted-result.History[1].Loss) > 1e-6 {
		t.Errorf("the rows of epoch 2 have mean loss %g, the epoch %g", weighted, result.History[1].Loss)
	}
}

func readTable(t *testing.T, folder string) [][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	table, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestStreams: each epoch shows each item at most once, in another order and under another seed, whatever the number of workers.
func TestStreams(t *testing.T) {
	var want *Result
	for _, workers := range []int{1, 2, 7} {
		r := fit(t, "")
		data := newLine(96) // a whole number of batches
		r.Data, r.Workers = data, workers
		got := train(t, r)
		if want == nil {
			want = got
		}
		same(t, fmt.Sprint(workers, " workers"), got.Network, want.Network)
		all := map[uint64]bool{}
		for item := range 96 {
			if len(data.seeds(item)) != 3 {
				t.Fatalf("item %d was shown %d times in 3 epochs", item, len(data.seeds(item)))
			}
			for _, seed := range data.seeds(item) {
				all[seed] = true
			}
		}
		if len(all) != 3*96 {
			t.Errorf("%d seeds are different, want %d", len(all), 3*96)
		}
	}
	r := fit(t, "")
	r.Data, r.Seed = newLine(96), 6
	if other := train(t, r); bytes.Equal(other.Network["w"].Bytes(), want.Network["w"].Bytes()) {
		t.Error("another seed gives the same network")
	}
	s := shuffle{items: 100, rows: 8, seed: 1}
	first, _ := s.at(0)
	first = slices.Clone(first)
	if next, epoch := s.at(12); epoch != 1 || slices.Equal(first, next) {
		t.Errorf("epoch %d begins as the one before", epoch)
	}
}

func same(t *testing.T, what string, got, want map[string]*tensor.Tensor) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%s: %d tensors, want %d", what, len(got), len(want))
	}
	for name := range want {
		if got[name] == nil || !bytes.Equal(got[name].Bytes(), want[name].Bytes()) {
			t.Errorf("%s: %s is %v, want %v", what, name, got[name].Floats(), want[name].Floats())
		}
	}
}

// TestReference repeats the training with plain float64 arithmetic, without masks.
func TestReference(t *testing.T) {
	r := fit(t, "")
	r.Step.Masks[0].Keep = 1
	got := tensor.Values[float32](train(t, r).Network["w"])
	fill, err := r.Data.Filler()
	if err != nil {
		t.Fatal(err)
	}
	x, y := tensor.New(tensor.Float32, rows, width), tensor.New(tensor.Float32, rows, 1)
	var w, v, average [width]float64
	s := shuffle{items: 100, rows: rows, seed: r.Seed}
	for step := range 36 {
		items, epoch := s.at(step)
		for row, item := range items {
			if err := fill([]*tensor.Tensor{x, y}, row, item, stream(r.Seed, streamItem, uint64(epoch), uint64(item))); err != nil {
				t.Fatal(err)
			}
		}
		var gradient [width]float64
		for i := range rows {
			d := -y.Floats()[i]
			for k := range width {
				d += x.Floats()[i*width+k] * w[k]
			}
			for k := range width {
				gradient[k] += 2. / rows * d * x.Floats()[i*width+k]
			}
		}
		for k := range width {
			v[k] = 0.9*v[k] + gradient[k]
			w[k] -= r.Schedule(step) * v[k]
			average[k] = (average[k] + w[k]) / 2
		}
	}
	for k := range width {
		if math.Abs(float64(got[k])-average[k]) > 1e-5 {
			t.Errorf("weight %d is %g, want %g", k, got[k], average[k])
		}
	}
}

// validated gives each epoch the next of the scores.
func validated(scores ...float64) *Validation {
	return &Validation{Names: []string{"score", "twice"}, Measure: func(_ context.Context, network map[string]*tensor.Tensor) ([]float64, error) {
		score := scores[0]
		scores = scores[1:]
		return []float64{score, 2 * score}, nil
	}}
}

func TestValidation(t *testing.T) {
	folder := t.TempDir()
	r := fit(t, folder)
	r.Epochs, r.Patience, r.Keep = 9, 2, 1
	var networks []map[string]*tensor.Tensor
	r.Validate = validated(1, 3, 2, 3, 7)
	measure := r.Validate.Measure
	r.Validate.Measure = func(ctx context.Context, network map[string]*tensor.Tensor) ([]float64, error) {
		networks = append(networks, network)
		return measure(ctx, network)
	}
	result := train(t, r)
	if result.Best != 2 || !result.Stopped || len(result.History) != 4 || !slices.Equal(result.History[3].Validation, []float64{3, 6}) {
		t.Errorf("got %+v", result)
	}
	same(t, "best", result.Network, networks[1])
	steps, err := (&shelf{dir: filepath.Join(folder, CheckpointFolder)}).steps()
	if err != nil || !slices.Equal(steps, []int{24, 48}) {
		t.Errorf("checkpoints of steps %v, %v; want the best and the last", steps, err)
	}
	table := readTable(t, folder)
	if last := table[len(table)-1]; last[0] != "48" || last[5] != "3" || last[6] != "6" || table[1][5] != "" {
		t.Errorf("the last row is %v, the first %v", last, table[1])
	}
	// The same again: it is over, and says the same.
	r.Validate = validated()
	again := train(t, r)
	same(t, "again", again.Network, result.Network)
	if again.Best != 2 || !again.Stopped {
		t.Errorf("got %+v", again)
	}

	r = fit(t, "")
	r.Validate = validated(3, 1, 2)
	r.Validate.Lower = true
	if result := train(t, r); result.Best != 2 || result.Stopped {
		t.Errorf("lower is better: got %+v", result)
	}
	r.Validate = validated(math.NaN())
	refuses(t, r, "score is NaN")
}

func refuses(t *testing.T, r Run, words ...string) error {
	t.Helper()
	_, err := r.Train(context.Background(), open(t))
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("got %v, want %q", err, word)
		}
	}
	return err
}

// TestInterrupted stops at every kind of place and goes on: network, history, table and last checkpoint are those of a run that was not stopped.
func TestInterrupted(t *testing.T) {
	open(t)
	whole := t.TempDir()
	r := fit(t, whole)
	r.Validate, r.Window = validated(1, 3, 2), 5
	want := train(t, r)
	for _, stopAt := range []int{0, 1, 7, 12, 13, 24, 35, 36} {
		folder := t.TempDir()
		r := fit(t, folder)
		r.Window = 5
		ctx, cancel := context.WithCancel(context.Background())
		schedule := r.Schedule
		r.Schedule = func(step int) float64 { // is asked before each step
			if step == stopAt {
				cancel()
			}
			return schedule(step)
		}
		r.Validate = validated(1, 3, 2)
		measure := r.Validate.Measure
		r.Validate.Measure = func(ctx context.Context, network map[string]*tensor.Tensor) ([]float64, error) {
			if stopAt == 36 {
				cancel()
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return measure(ctx, network)
		}
		begun := time.Now()
		if _, err := r.Train(ctx, open(t)); !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at step %d: got %v", stopAt, err)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("stopping took %v", took)
		}
		r.Schedule = schedule
		r.Validate.Measure = measure
		got := train(t, r)
		same(t, fmt.Sprint("stopped at step ", stopAt), got.Network, want.Network)
		if fmt.Sprint(got.History, got.Best) != fmt.Sprint(want.History, want.Best) {
			t.Errorf("stopped at step %d: history %v, want %v", stopAt, got.History, want.History)
		}
		sameFiles(t, folder, whole, MetricsFile, filepath.Join(CheckpointFolder, "step-00000036.safetensors"))
		cancel()
	}
}

func sameFiles(t *testing.T, got, want string, names ...string) {
	t.Helper()
	for _, name := range names {
		a, errA := os.ReadFile(filepath.Join(got, name))
		b, errB := os.ReadFile(filepath.Join(want, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs (%v, %v)", name, errA, errB)
		}
	}
}

// TestKilled trains in processes of their own that are killed soon after they took a step, at times drawn anew, until one ends by itself.
func TestKilled(t *testing.T) {
	if folder := os.Getenv("VISUS_TEST_TRAIN"); folder != "" {
		r := killed(t, folder)
		schedule, said := r.Schedule, false
		r.Schedule = func(step int) float64 {
			if !said {
				fmt.Println("begun")
			}
			said = true
			return schedule(step)
		}
		train(t, r)
		return
	}
	open(t)
	whole, folder := t.TempDir(), t.TempDir()
	want := train(t, killed(t, whole))
	kills, resumed := 0, 0
	for ended := false; !ended; {
		if kills == 200 {
			t.Fatal("killed 200 times before the end")
		}
		process := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		process.Env = append(os.Environ(), "VISUS_TEST_TRAIN="+folder)
		process.Stderr = os.Stderr
		output, err := process.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(output).ReadString('\n'); err != nil {
			t.Fatalf("it said %q: %v", line, err)
		}
		timer := time.AfterFunc(time.Duration(rand.IntN(60+10*kills))*time.Millisecond, func() { process.Process.Kill() })
		err = process.Wait()
		if timer.Stop() && err != nil {
			t.Fatal(err)
		}
		if ended = err == nil; ended {
			break
		}
		kills++
		if steps, err := (&shelf{dir: filepath.Join(folder, CheckpointFolder)}).steps(); err == nil && len(steps) > 0 {
			resumed++
		}
	}
	got := train(t, killed(t, folder)) // reads the end
	same(t, fmt.Sprintf("killed %d times", kills), got.Network, want.Network)
	sameFiles(t, folder, whole, MetricsFile, filepath.Join(CheckpointFolder, fmt.Sprintf("step-%08d.safetensors", 12*killedEpochs)))
	t.Logf("killed %d times, %d of them behind a checkpoint", kills, resumed)
	if resumed == 0 {
		t.Error("no process was killed behind a checkpoint")
	}
}

const killedEpochs = 60

func killed(t testing.TB, folder string) Run {
	r := fit(t, folder)
	r.Epochs, r.Every = killedEpochs, time.Nanosecond // a checkpoint after each step
	r.Validate = &Validation{Names: []string{"first weight"}, Measure: func(_ context.Context, network map[string]*tensor.Tensor) ([]float64, error) {
		return network["w"].Floats()[:1], nil
	}}
	return r
}

func TestDiverged(t *testing.T) {
	folder := t.TempDir()
	r := fit(t, folder)
	r.Every = time.Nanosecond
	r.Schedule = func(step int) float64 {
		if step < 10 {
			return 0.01
		}
		return 1e30
	}
	err := refuses(t, r, "loss is", "learning rate 1e+30", "the largest gradient is that of w", "A smaller learning rate")
	var diverged *DivergedError
	if !errors.As(err, &diverged) || diverged.Step < 11 || diverged.Step > 13 || diverged.Gradient != "w" || finite(diverged.Value) {
		t.Fatalf("got %v", err)
	}
	steps, err := (&shelf{dir: filepath.Join(folder, CheckpointFolder)}).steps()
	if err != nil || steps[len(steps)-1] != diverged.Step-1 {
		t.Errorf("it diverged in step %d, the checkpoints are of %v", diverged.Step, steps)
	}
	e := DivergedError{Step: 3, Rate: 0.1, Output: "loss", Value: math.NaN()}
	if e.Error() != "train: step 3: loss is NaN at learning rate 0.1. A smaller learning rate, or clipped gradients, may help" {
		t.Error(e.Error())
	}
}

// TestDivergedValidation: numbers that are not finite may show in the validation first.
func TestDivergedValidation(t *testing.T) {
	r := fit(t, t.TempDir())
	r.Validate = &Validation{Names: []string{"score"}, Measure: func(context.Context, map[string]*tensor.Tensor) ([]float64, error) {
		return []float64{math.Inf(1)}, nil
	}}
	err := refuses(t, r, "the validation's score is +Inf at learning rate")
	var diverged *DivergedError
	if !errors.As(err, &diverged) {
		t.Errorf("got %T", err)
	}
}

func TestWrongCheckpoints(t *testing.T) {
	folder := t.TempDir()
	train(t, fit(t, folder))
	checkpoint := filepath.Join(folder, CheckpointFolder, "step-00000036.safetensors")
	if _, err := os.Stat(checkpoint); err != nil {
		t.Fatal(err)
	}
	r := fit(t, folder)
	r.Step = regression(t, width+1)
	refuses(t, r, checkpoint, "another network", `"w"`, "float32 [5 1] expected, found float32 [4 1]")
	r = fit(t, folder)
	r.Step.State = r.Step.State[:2]
	r.Step.Average = nil
	refuses(t, r, checkpoint, `tensor "w.average" is unknown`)
	r = fit(t, folder)
	if err := r.Step.Graph.Rename("w.momentum", "w.moment"); err != nil {
		t.Fatal(err)
	}
	r.Step.State[1].Input = "w.moment"
	refuses(t, r, checkpoint, `tensor "w.moment" expected, not found`)
	r = fit(t, folder)
	r.Seed = 9
	refuses(t, r, checkpoint, "seed 5", "expected seed 9")
	r = fit(t, folder)
	r.Data = newLine(50)
	refuses(t, r, checkpoint, "100 items", "50 items")
	if err := os.WriteFile(checkpoint, []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	refuses(t, fit(t, folder), checkpoint, "goes on from the one before")
}

func TestWrongRuns(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Run)
		words  []string
	}{
		"few items":   {func(r *Run) { r.Data = newLine(7) }, []string{"8 items expected", "found 7"}},
		"no epochs":   {func(r *Run) { r.Epochs = 0 }, []string{"1 epoch"}},
		"no schedule": {func(r *Run) { r.Schedule = nil }, []string{"schedule", `"rate"`}},
		"patience":    {func(r *Run) { r.Patience = 1 }, []string{"validation"}},
		"bad item": {func(r *Run) {
			data := newLine(100)
			data.bad = 1
			r.Data = data
		}, []string{"data", "item 0", "cannot be read"}},
		"free batch": {func(r *Run) { r.Step.Graph.Inputs[0].Shape = graph.Dims(-1, width) }, []string{`input "x"`, "[?, 4]"}},
		"no state":   {func(r *Run) { r.Step.Network = []string{"b"} }, []string{`"b"`, "no state"}},
		"vector as loss": {func(r *Run) {
			r.Step.Loss = "w.average.next"
			r.Step.State = r.Step.State[:2]
			r.Step.Average = nil
		}, []string{"w.average.next", "one number of float32"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := fit(t, "")
			c.change(&r)
			refuses(t, r, c.words...)
		})
	}
}

func TestEvaluation(t *testing.T) {
	e := open(t)
	b := graph.NewBuilder("sum", 18)
	x := b.Input("x", tensor.Float32, graph.Dim{Size: -1, Symbol: "batch"}, graph.Dim{Size: width})
	y := b.Input("y", tensor.Float32, graph.Dim{Size: -1, Symbol: "batch"}, graph.Dim{Size: 1})
	w := b.Input("w", tensor.Float32, graph.Dims(width, 1)...)
	b.Output("difference", b.Op("Sub", []graph.Value{b.Op("MatMul", []graph.Value{x, w}), y}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.Compile(context.Background(), g, engine.Options{State: []engine.State{{Input: "w"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	weights, err := tensor.Of([]float32{1, 2, 3, 4}, width, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := Set(p, map[string]*tensor.Tensor{"w": weights}); err != nil {
		t.Fatal(err)
	}
	if err := Set(p, map[string]*tensor.Tensor{"x": weights}); err == nil {
		t.Error("a value for what is no state was taken")
	}
	data := newLine(20)
	next := 0
	err = Evaluation{Program: p, Data: data, Batch: 8}.Run(context.Background(), func(first, items int, outputs []*tensor.Tensor) error {
		if first != next || items != min(8, 20-first) {
			t.Errorf("batch of %d items from %d on, expected from %d", items, first, next)
		}
		for i, d := range tensor.Values[float32](outputs[0])[:items] {
			noise := float64(data.seeds(first + i)[0]%1000) / 10000
			if math.Abs(float64(d)+noise) > 1e-5 {
				t.Errorf("item %d: difference %g, want %g", first+i, d, -noise)
			}
		}
		next += items
		return nil
	})
	if err != nil || next != 20 {
		t.Errorf("%d items were seen: %v", next, err)
	}
	data.bad = 13
	err = Evaluation{Program: p, Data: data}.Run(context.Background(), func(int, int, []*tensor.Tensor) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "item 12: cannot be read") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := (Evaluation{Program: p, Data: newLine(20)}).Run(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestGoroutines: neither an end, nor an error, nor an interruption leaves work behind.
func TestGoroutines(t *testing.T) {
	open(t)
	before := runtime.NumGoroutine()
	train(t, fit(t, ""))
	r := fit(t, "")
	data := newLine(100)
	data.bad = 50
	r.Data = data
	refuses(t, r, "item 49")
	// A goroutine that has reported its end to a WaitGroup counts until it is scheduled once more: a leak stays, it goes.
	for start := time.Now(); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Since(start) > 5*time.Second {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
