// Package engine runs graphs: Compile turns a graph into a program, Run executes it.
package engine

import (
	"context"

	"visus/graph"
	"visus/tensor"
)

// Engine compiles graphs. Implementations are safe for concurrent use.
type Engine interface {
	// Name is the engine's short name with its version, "onnxruntime 1.30.0".
	Name() string
	// Compile prepares the graph. It reports an error that names the model's file and node where the engine cannot run it.
	Compile(ctx context.Context, g *graph.Graph, o Options) (Program, error)
}

// Options says how to compile.
type Options struct {
	Threads int    // threads of one Run; 0 means GOMAXPROCS
	Device  string // "cpu" (default), "cuda", "cuda:1", "coreml"
}

// Program is a compiled graph. Its inputs and outputs are the graph's, in the graph's order.
type Program interface {
	// Inputs and Outputs describe what Run takes and gives, in order.
	Inputs() []graph.Value
	Outputs() []graph.Value
	// Run executes the graph once. inputs has one tensor for each of Inputs. outputs has one entry for each of Outputs: a tensor of the
	// right type and shape is filled in place; nil is replaced by a new tensor. Run is not safe for concurrent use of one program.
	Run(ctx context.Context, inputs, outputs []*tensor.Tensor) error
	Close() error
}
