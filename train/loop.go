package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"visus/engine"
	"visus/graph"
	"visus/internal/progress"
	"visus/tensor"
)

// loop is a run under way.
type loop struct {
	run     Run
	machine *machine
	loader  loader
	shuffle *shuffle
	shelf   *shelf // nil: nothing is kept
	table   *table // nil: the same
	meter   progress.Meter
	window  int // steps of a row

	at     position
	best   map[string]*tensor.Tensor // the network of the best epoch
	kept   bool                      // the position is that of the last checkpoint
	saved  time.Time                 // when that was
	result *Result
}

// begin finds where to go on, and compiles the step.
func (r Run) begin(ctx context.Context, e engine.Engine, data []graph.Value, batch int) (*loop, error) {
	scalars := len(r.Step.scalars())
	l := &loop{
		run: r, meter: r.Progress, saved: time.Now(),
		loader:  loader{data: r.Data, inputs: data, masks: r.Step.Masks, rows: batch, seed: r.Seed, workers: r.Workers},
		shuffle: &shuffle{items: r.Data.Len(), rows: batch, seed: r.Seed},
		at:      position{Window: newSums(scalars), Epoch: newSums(scalars), Plan: plan{Seed: r.Seed, Items: r.Data.Len(), Batch: batch}},
	}
	if l.meter == nil {
		l.meter = progress.Silent()
	}
	l.window = cmp.Or(r.Window, max(1, l.shuffle.steps()/10))
	states, err := l.resume()
	if err != nil {
		return nil, err
	}
	program, err := e.Compile(ctx, r.Step.Graph, engine.Options{Threads: r.Threads, Outputs: r.Step.outputs(), State: states})
	if err != nil {
		return nil, err
	}
	if l.machine, err = newMachine(program, r.Step, data); err == nil {
		err = l.openTable()
	}
	if err != nil {
		program.Close()
		return nil, err
	}
	return l, nil
}

// resume reads the newest checkpoint and returns the states to begin with: its own, or the step's.
func (l *loop) resume() ([]graph.State, error) {
	states := append([]graph.State(nil), l.run.Step.State...)
	if l.run.Folder == "" {
		return states, nil
	}
	l.shelf = &shelf{dir: filepath.Join(l.run.Folder, CheckpointFolder), keep: cmp.Or(l.run.Keep, 2)}
	if err := l.shelf.clean(); err != nil {
		return nil, err
	}
	steps, err := l.shelf.steps()
	if err != nil || len(steps) == 0 {
		return states, err
	}
	ports, err := engine.PortsOf(l.run.Step.Graph, engine.Options{State: states})
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	at, held, err := l.shelf.load(steps[len(steps)-1], ports.State, l.at)
	if err != nil {
		return nil, err
	}
	l.at, l.kept = at, true
	for i := range states {
		states[i].Initial = held[states[i].Input]
	}
	if at.Best == 0 {
		return states, nil
	}
	if at.bestStep() != at.Step {
		if _, held, err = l.shelf.load(at.bestStep(), ports.State, at); err != nil {
			return nil, err
		}
	}
	l.best = map[string]*tensor.Tensor{}
	for _, name := range l.run.Step.network() {
		l.best[name] = held[l.run.Step.source(name)]
	}
	return states, nil
}

func (l *loop) openTable() (err error) {
	if l.run.Folder == "" {
		return nil
	}
	header := append([]string{"step", "epoch", "learning_rate"}, l.run.Step.scalars()...)
	if l.run.Validate != nil {
		header = append(header, l.run.Validate.Names...)
	}
	l.table, err = openTable(filepath.Join(l.run.Folder, MetricsFile), header, l.at.Rows)
	return err
}

func (l *loop) close() error {
	err := l.machine.program.Close()
	if l.table == nil {
		return err
	}
	return errors.Join(err, l.table.close())
}

// walk takes the steps that are left.
func (l *loop) walk(ctx context.Context) error {
	steps := l.run.Epochs * l.shuffle.steps()
	batches, release, stop, err := l.loader.load(l.at.Step, steps, l.shuffle.at)
	if err != nil {
		return fmt.Errorf("train: data: %w", err)
	}
	defer stop()
	l.meter.Begin("training", l.at.Step, steps)
	defer l.meter.End()
	for !l.over() {
		err := l.advance(ctx, batches, release)
		if err != nil && errors.Is(err, ctx.Err()) {
			return errors.Join(fmt.Errorf("train: interrupted after step %d of %d: %w", l.at.Step, steps, err), l.save())
		}
		if err != nil {
			return err
		}
	}
	if err := l.save(); err != nil {
		return err
	}
	return l.conclude()
}

// over says whether the last epoch, or the one that patience ends with, is done with.
func (l *loop) over() bool { return len(l.at.History) >= l.run.Epochs || l.stale() }

func (l *loop) stale() bool {
	return l.run.Patience > 0 && len(l.at.History)-l.at.Best >= l.run.Patience
}

// advance ends an epoch whose steps are all taken, or else takes a step.
func (l *loop) advance(ctx context.Context, batches <-chan *batch, release func(*batch)) error {
	epochEnd := (len(l.at.History) + 1) * l.shuffle.steps()
	if l.at.Step == epochEnd {
		return l.endEpoch(ctx)
	}
	var b *batch
	select {
	case b = <-batches:
	case <-ctx.Done():
		return ctx.Err()
	}
	if b.err != nil {
		return errors.Join(fmt.Errorf("train: data: %w", b.err), l.save())
	}
	rate := l.rate(l.at.Step)
	l.machine.feed(b, rate)
	if err := l.machine.run(ctx); err != nil {
		return err
	}
	release(b)
	if err := l.count(rate); err != nil {
		return err
	}
	if l.at.Window.Steps == l.window && l.at.Step < epochEnd { // an epoch's last row waits for the validation
		if err := l.endWindow(nil); err != nil {
			return err
		}
	}
	if time.Since(l.saved) >= cmp.Or(l.run.Every, time.Minute) {
		return l.save()
	}
	return nil
}

// rate is the learning rate of a step, counted from 0.
func (l *loop) rate(step int) float64 {
	if l.run.Schedule == nil {
		return 0
	}
	return l.run.Schedule(step)
}

// count adds up the scalars of the step that was taken.
func (l *loop) count(rate float64) error {
	for i, name := range l.run.Step.scalars() {
		v := l.machine.scalar(i)
		if !finite(v) {
			e := &DivergedError{Step: l.at.Step + 1, Rate: rate, Output: name, Value: v}
			e.Gradient, e.Largest = l.machine.largestGradient()
			return e
		}
		l.at.Window.Sums[i] += v
		l.at.Epoch.Sums[i] += v
	}
	l.at.Window.Steps++
	l.at.Epoch.Steps++
	l.at.Step++
	l.kept = false
	l.meter.Add(1)
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// endWindow writes a row.
func (l *loop) endWindow(validation []float64) error {
	means := l.at.Window.means()
	l.at.Window = newSums(len(means))
	l.meter.Show(fmt.Sprintf("%s %.4g", l.run.Step.Loss, means[0]))
	if l.table == nil {
		return nil
	}
	l.at.Rows++
	return l.table.add(l.at.Step, (l.at.Step-1)/l.shuffle.steps()+1, l.rate(l.at.Step-1), append(means, validation...))
}

// endEpoch validates. The best network so far is kept at once, so that no checkpoint speaks of one that is lost.
func (l *loop) endEpoch(ctx context.Context) error {
	means := l.at.Epoch.means()
	epoch := Epoch{Step: l.at.Step, Rate: l.rate(l.at.Step - 1), Loss: means[0], Metrics: means[1:]}
	better := false
	if v := l.run.Validate; v != nil {
		network, err := l.machine.network()
		if err != nil {
			return err
		}
		if epoch.Validation, err = v.measure(ctx, network); err != nil {
			return err
		}
		for i, f := range epoch.Validation {
			if !finite(f) {
				return &DivergedError{Step: epoch.Step, Rate: epoch.Rate, Output: "the validation's " + v.Names[i], Value: f}
			}
		}
		if better = l.at.Best == 0 || v.better(epoch.Validation[0], l.at.History[l.at.Best-1].Validation[0]); better {
			l.best = network
			l.at.Best = len(l.at.History) + 1
		}
	}
	if err := l.endWindow(epoch.Validation); err != nil {
		return err
	}
	l.at.Epoch = newSums(len(means))
	l.at.History = append(l.at.History, epoch)
	l.kept = false
	if l.run.Told != nil {
		l.run.Told(epoch)
	}
	if better {
		return l.save()
	}
	return nil
}

func (v *Validation) measure(ctx context.Context, network map[string]*tensor.Tensor) ([]float64, error) {
	found, err := v.Measure(ctx, network)
	if err != nil {
		return nil, err
	}
	if len(found) != len(v.Names) {
		return nil, fmt.Errorf("train: the validation returned %d numbers, expected %d: %q", len(found), len(v.Names), v.Names)
	}
	return found, nil
}

func (v *Validation) better(a, b float64) bool {
	if v.Lower {
		return a < b
	}
	return a > b
}

// save writes a checkpoint, unless the last one is of this position.
func (l *loop) save() error {
	if l.shelf == nil || l.kept {
		return nil
	}
	if err := l.table.sync(); err != nil {
		return err
	}
	states, err := l.machine.state()
	if err != nil {
		return err
	}
	if err := l.shelf.save(l.at, states); err != nil {
		return err
	}
	l.kept, l.saved = true, time.Now()
	return nil
}

func (l *loop) conclude() (err error) {
	l.result = &Result{Network: l.best, History: l.at.History, Best: l.at.Best, Stopped: l.stale()}
	if l.best == nil {
		l.result.Best = len(l.at.History)
		l.result.Network, err = l.machine.network()
	}
	return err
}
