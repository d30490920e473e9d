package train

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"visus/engine"
	"visus/graph"
	"visus/tensor"
)

// Evaluation runs a network over a set, as validation does.
type Evaluation struct {
	Program engine.Program // takes what Data fills
	Data    Data
	Batch   int // rows of a batch where the program's inputs leave them free; 0: 100
	Workers int // goroutines that fill batches; 0: all cores
}

// Run shows all items in order. see is told the first item of each batch and the number of items in it; the outputs, one for each of the
// program's, have as many rows or, in the last batch, more, which repeat the last item. They are used again after see returns.
func (v Evaluation) Run(ctx context.Context, see func(first, items int, outputs []*tensor.Tensor) error) error {
	inputs, rows, err := v.inputs()
	if err != nil {
		return err
	}
	n := v.Data.Len()
	order := make([]int, rows)
	items := func(step int) ([]int, int) {
		for i := range order {
			order[i] = min(step*rows+i, n-1)
		}
		return order, 0
	}
	steps := (n + rows - 1) / rows
	batches, release, stop, err := loader{data: v.Data, inputs: inputs, rows: rows, workers: v.Workers}.load(0, steps, items)
	if err != nil {
		return fmt.Errorf("train: data: %w", err)
	}
	defer stop()
	outputs := make([]*tensor.Tensor, len(v.Program.Outputs()))
	for step := range steps {
		var b *batch
		select {
		case b = <-batches:
		case <-ctx.Done():
			return ctx.Err()
		}
		if b.err != nil {
			return fmt.Errorf("train: data: %w", b.err)
		}
		if err := v.Program.Run(ctx, b.tensors, outputs); err != nil {
			return err
		}
		release(b)
		if err := see(step*rows, min(rows, n-step*rows), outputs); err != nil {
			return err
		}
	}
	return nil
}

// inputs fixes the first dimension of the program's inputs.
func (v Evaluation) inputs() ([]graph.Value, int, error) {
	rows := cmp.Or(v.Batch, 100)
	inputs := slices.Clone(v.Program.Inputs())
	for i := range inputs {
		if shape := inputs[i].Shape; i == 0 && len(shape) > 0 && shape[0].Fixed() {
			rows = shape[0].Size
		}
	}
	for i, in := range inputs {
		shape := slices.Clone(in.Shape)
		if len(shape) > 0 && !shape[0].Fixed() {
			shape[0] = graph.Dim{Size: rows}
		}
		inputs[i].Shape = shape
		if _, fixed := inputs[i].Sizes(); !fixed || len(shape) == 0 || rows < 1 {
			return nil, 0, fmt.Errorf("train: input %q has shape %s; expected sizes that are fixed but for the batch, the first",
				in.Name, graph.ShapeText(in.Shape))
		}
	}
	if len(inputs) == 0 {
		return nil, 0, fmt.Errorf("train: the program takes no input that data could fill")
	}
	return inputs, rows, nil
}
