package ort

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"visus/engine"
	"visus/engine/library"
	"visus/graph"
	"visus/graph/lower"
)

var _ engine.Engine = (*Engine)(nil)

// APIVersion is the version of ONNX Runtime's C interface that this package speaks; ONNX Runtime 1.24 is the first release that has it.
const APIVersion = 24

// ErrNoBinding is what Open reports in a build that cannot load the library.
var ErrNoBinding = errors.New("ort: this build of visus cannot load ONNX Runtime: build it on Linux or macOS with cgo (CGO_ENABLED=1 and a C compiler)")

// Options says which library to open.
type Options struct {
	Library string // the library's file; empty: found by library.ONNXRuntime
}

// Engine is ONNX Runtime.
type Engine struct {
	version string
	path    string
}

// loaded is the process's one ONNX Runtime: the library keeps state of its own, so that it can neither be loaded twice nor unloaded.
var loaded struct {
	sync.Mutex
	engine *Engine
}

// Open loads ONNX Runtime, or returns the one that this process has already loaded. It reports an error, which says what to do, where the
// library is missing, unloadable or too old, and where Options.Library asks for another one than the process has.
func Open(o Options) (*Engine, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if e := loaded.engine; e != nil {
		if o.Library != "" && o.Library != e.path {
			return nil, fmt.Errorf("ort: %s asked for, but this process has already loaded %s", o.Library, e.path)
		}
		return e, nil
	}
	path := o.Library
	if path == "" {
		found, _, err := library.ONNXRuntime.Find()
		if err != nil {
			return nil, fmt.Errorf("ort: %w", err)
		}
		path = found
	}
	version, err := load(path)
	if errors.Is(err, ErrNoBinding) {
		return nil, err
	}
	if err != nil {
		if version != "" {
			version = " (version " + version + ")"
		}
		return nil, fmt.Errorf("ort: ONNX Runtime 1.%d or later is needed, but %s%s cannot serve: %w; run `make runtime` or set %s to another library",
			APIVersion, path, version, err, library.ONNXRuntime.Variable)
	}
	loaded.engine = &Engine{version: version, path: path}
	return loaded.engine, nil
}

// Name returns "onnxruntime" with the library's version.
func (e *Engine) Name() string { return "onnxruntime " + e.version }

// Version returns the library's version: "1.30.0".
func (e *Engine) Version() string { return e.version }

// Library returns the file that was loaded.
func (e *Engine) Library() string { return e.path }

// Compile prepares the graph for Run.
//
// Device "cuda", "cuda:N" and "coreml" ask for ONNX Runtime's execution providers of these names, which the user's own build of the library has
// to hold (set VISUS_ONNXRUNTIME); otherwise Compile reports an error. What a provider lacks runs on the CPU. Neither was tested by us.
func (e *Engine) Compile(ctx context.Context, g *graph.Graph, o engine.Options) (engine.Program, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	src := source{name: cmp.Or(g.Path(), g.Name, "unnamed graph")}
	ports, err := engine.PortsOf(g, o)
	if err != nil {
		return nil, explain(src.name, err)
	}
	slices.SortStableFunc(ports.State, func(a, b engine.StatePort) int { // the order of ort_call
		return cmp.Compare(min(len(b.Output.Name), 1), min(len(a.Output.Name), 1))
	})
	src.ports = ports
	g = ports.Restrict(g)
	if _, own := g.Opsets[graph.OwnDomain]; own { // gradients
		if err := lower.Lower(g); err != nil {
			return nil, explain(src.name, err)
		}
	}
	if err := guard(g); err != nil {
		return nil, explain(src.name, err)
	}
	remove, err := src.serialise(g, largest)
	defer remove()
	if err != nil {
		return nil, explain(src.name, err)
	}
	p, err := compile(ctx, src, o)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// source is what compile needs to know of a graph.
type source struct {
	model model
	name  string // for messages: the file
	ports engine.Ports
}

// serialise writes the graph to memory or, where its weights have more bytes than limit, to a folder that remove deletes.
func (s *source) serialise(g *graph.Graph, limit int) (remove func(), err error) {
	remove = func() {}
	weights := 0
	for _, c := range g.Initializers {
		if c.Tensor != nil {
			weights += len(c.Bytes())
		}
	}
	if weights <= limit {
		s.model.bytes, err = g.Encode()
		return remove, err
	}
	dir, err := os.MkdirTemp("", "visus-model-")
	if err != nil {
		return remove, err
	}
	s.model.path = filepath.Join(dir, "model.onnx")
	return func() { os.RemoveAll(dir) }, g.Save(s.model.path, graph.SaveOptions{External: 1 << 10})
}

// largest is how many bytes of weights are compiled from memory: protobuf's 2 GB less room for the nodes.
const largest = 2<<30 - 64<<20

// model is a serialised model, or the path of its file where bytes is empty.
type model struct {
	bytes []byte
	path  string
}

// settings says how a session is compiled.
type settings struct {
	threads    int
	freeShapes bool   // some input's shape is not fixed
	provider   string // "", "CUDA", "CoreML"
	device     string // the number of the CUDA device
}

func compile(ctx context.Context, src source, o engine.Options) (*Program, error) {
	fail := func(err error) error { return explain(src.name, err) }
	provider, device, err := parseDevice(o.Device)
	if err != nil {
		return nil, fail(err)
	}
	if o.Threads < 0 {
		return nil, fail(fmt.Errorf("%d threads asked for: 0 (all) or more expected", o.Threads))
	}
	s, err := newSession(ctx, src.model, settings{
		threads: cmp.Or(o.Threads, runtime.GOMAXPROCS(0)), freeShapes: !fixed(src.ports.Inputs), provider: provider, device: device,
	})
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		if provider != "" {
			err = fmt.Errorf("device %q: %w", o.Device, err)
		}
		return nil, fail(err)
	}
	p, err := newProgram(s, src)
	if err != nil {
		return nil, fail(err)
	}
	return p, nil
}

// parseDevice returns the execution provider and the device's number.
func parseDevice(device string) (provider, number string, err error) {
	name, number, numbered := strings.Cut(device, ":")
	switch {
	case (name == "" || name == "cpu") && !numbered:
		return "", "", nil
	case name == "coreml" && !numbered:
		return "CoreML", "", nil
	case name == "cuda" && !numbered:
		return "CUDA", "0", nil
	case name == "cuda":
		if n, err := strconv.Atoi(number); err == nil && n >= 0 {
			return "CUDA", strconv.Itoa(n), nil
		}
	}
	return "", "", fmt.Errorf("device %q is unknown: cpu, cuda, cuda:N or coreml expected", device)
}

// fixed says whether every dimension of every input is known.
func fixed(inputs []graph.Value) bool {
	for _, v := range inputs {
		if v.Shape == nil {
			return false
		}
		for _, d := range v.Shape {
			if !d.Fixed() {
				return false
			}
		}
	}
	return true
}
