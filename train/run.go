package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"visus/engine"
	"visus/internal/filelock"
	"visus/internal/progress"
	"visus/tensor"
)

// Run is one training.
type Run struct {
	Step     Step
	Data     Data
	Epochs   int                    // passes over the data, 1 or more
	Schedule func(step int) float64 // learning rate of step 0, 1, …; needed where the step has a Rate
	Validate *Validation            // after each epoch; nil: none, and the last parameters are the result
	Patience int                    // epochs without a better validation after which the run stops; 0: never
	Seed     uint64                 // of the order of items, of their streams and of masks
	Folder   string                 // where metrics.csv and checkpoints go, and are gone on from; empty: nothing is kept
	Every    time.Duration          // least time between checkpoints, besides those of the best and of the end; 0: a minute
	Keep     int                    // how many of the newest checkpoints are kept, besides the best; 0: 2
	Window   int                    // steps that a row of metrics.csv stands for; an epoch's last row may have fewer; 0: a tenth of an epoch
	Threads  int                    // of the engine; 0: all cores
	Workers  int                    // goroutines that fill batches; 0: all cores
	Progress progress.Meter         // nil: none
	Told     func(Epoch)            // is told of each epoch that is over; may be nil
}

// Validation measures the network after an epoch.
type Validation struct {
	Names []string // of the numbers that Measure returns: columns of metrics.csv; the first says which epoch is the best
	Lower bool     // the smaller first number is the better, as of a loss; false: the larger, as of an accuracy
	// Measure gets the network's tensors by name, which it does not change. All its numbers are finite.
	Measure func(ctx context.Context, network map[string]*tensor.Tensor) ([]float64, error)
}

// Epoch is what was found in an epoch.
type Epoch struct {
	Step       int       // steps taken at its end
	Rate       float64   // learning rate of its last step
	Loss       float64   // mean over its steps, while the parameters moved
	Metrics    []float64 // likewise, in the order of Step.Metrics
	Validation []float64 // in the order of Validation.Names
}

// Result is a network with how it came about.
type Result struct {
	Network map[string]*tensor.Tensor // Step.Network's tensors: those of the best epoch where there was a validation, else the last
	History []Epoch
	Best    int  // the epoch, from 1, that Network is of
	Stopped bool // early: Patience ran out
}

// DivergedError says that a step gave a loss, a metric, or parameters with a validation, that is not a finite number.
type DivergedError struct {
	Step     int     // from 1
	Rate     float64 // its learning rate
	Output   string  // the loss or metric
	Value    float64
	Gradient string  // the parameter with the largest gradient in this step, empty where the step does not tell
	Largest  float64 // its largest absolute value; NaN comes before all numbers
}

// ErrInUse says that another run writes to the folder.
var ErrInUse = filelock.ErrInUse

func (e *DivergedError) Error() string {
	text := fmt.Sprintf("train: step %d: %s is %g at learning rate %g", e.Step, e.Output, e.Value, e.Rate)
	if e.Gradient != "" {
		text += fmt.Sprintf("; the largest gradient is that of %s, %g", e.Gradient, e.Largest)
	}
	return text + ". A smaller learning rate, or clipped gradients, may help"
}

// Train runs the steps that are left, or all where Folder holds no checkpoint.
//
// Once ctx is done it keeps a checkpoint of the last whole step and returns ctx's error within about a second. It reports a *DivergedError for
// a loss that is not finite, keeping the checkpoints from before, and errors for data that has fewer items than a batch, for checkpoints
// of another network, optimiser, seed or data set, for what cannot be written, and for a folder that another process trains in
// (ErrInUse).
func (r Run) Train(ctx context.Context, e engine.Engine) (*Result, error) {
	data, err := r.Step.check()
	if err != nil {
		return nil, err
	}
	shape, _ := data[0].Sizes()
	if err := r.check(shape[0]); err != nil {
		return nil, err
	}
	release, err := r.lock()
	if err != nil {
		return nil, err
	}
	defer release()
	l, err := r.begin(ctx, e, data, shape[0])
	if err != nil {
		return nil, err
	}
	err = l.walk(ctx)
	if closing := l.close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, err
	}
	return l.result, nil
}

// lock takes the folder of checkpoints, and makes it where there is none: two runs that write to it would spoil each other's files.
func (r Run) lock() (release func() error, err error) {
	if r.Folder == "" {
		return func() error { return nil }, nil
	}
	dir := filepath.Join(r.Folder, CheckpointFolder)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	held, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if err := filelock.Lock(held); err != nil {
		held.Close()
		return nil, fmt.Errorf("train: %s: %w", dir, err)
	}
	return held.Close, nil
}

func (r Run) check(batch int) error {
	switch n := r.Data.Len(); {
	case n < batch:
		return fmt.Errorf("train: %d items expected at least, a batch; found %d", batch, n)
	case r.Epochs < 1:
		return fmt.Errorf("train: 1 epoch expected at least, found %d", r.Epochs)
	case r.Step.Rate != "" && r.Schedule == nil:
		return fmt.Errorf("train: the step asks for %q, but there is no schedule", r.Step.Rate)
	case r.Patience > 0 && r.Validate == nil:
		return errors.New("train: patience needs a validation")
	case r.Validate != nil && len(r.Validate.Names) == 0:
		return errors.New("train: a validation has one number at least")
	}
	return nil
}
