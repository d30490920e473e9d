// Package engine runs graphs: Compile turns a graph into a program, Run executes it.
//
// The interface is all that studies know. Implementations live below: engine/ort loads ONNX Runtime. Each passes the suite of
// engine/enginetest.
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
	// Compile prepares the graph, which it neither changes nor keeps. It reports an *Error, which names the model's file and node, where
	// the engine cannot run the graph, and ctx's own error where ctx is done first: engines look
	// at it between the steps of their own compilation.
	Compile(ctx context.Context, g *graph.Graph, o Options) (Program, error)
}

// Options says how to compile.
type Options struct {
	Threads int      // threads of one Run; 0 means GOMAXPROCS
	Device  string   // "cpu" (default), "cuda", "cuda:1", "coreml"
	Outputs []string // the graph outputs that Run gives, in this order; nil means all but those of State, in the graph's order
	State   []State  // what stays inside the program from one Run to the next
}

// State is a tensor that lives inside a program: parameters and moments of a training step, running statistics. Its input has a fixed
// shape. Each Run reads it and, once it has succeeded, replaces it by its output; where Output is empty it stays as it is. Compile
// copies Initial (nil: zeros). Nothing is copied in a Run: an engine keeps two buffers and swaps them. Neither name is among the
// program's Inputs and Outputs.
type State = graph.State

// Program is a compiled graph.
type Program interface {
	// Inputs and Outputs describe what Run takes and gives, in order. The caller does not change them.
	Inputs() []graph.Value
	Outputs() []graph.Value
	// Run executes the graph once. inputs has one tensor for each of Inputs. outputs has one entry for each of Outputs: a tensor of the
	// right type and shape is filled in place, and its memory overlaps no input's; nil is replaced by a new tensor. After an error the
	// tensors given as outputs hold anything, and the state is what it was before. Calls on one program wait for each other; programs run side by side.
	// Once ctx is done Run returns its error, within one operator's time.
	Run(ctx context.Context, inputs, outputs []*tensor.Tensor) error
	// ReadState copies the state of the input, as the last Run or WriteState left it, into a tensor of its type and shape (nil: a new
	// one), and returns that.
	ReadState(input string, into *tensor.Tensor) (*tensor.Tensor, error)
	// WriteState replaces the state of the input by a copy of value.
	WriteState(input string, value *tensor.Tensor) error
	// Close frees the program. It waits for a Run under way; a later Run reports an error; a second Close does nothing.
	Close() error
}
