package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"visus/graph"
	"visus/graph/grad"
	"visus/graph/lower"
	"visus/tensor"
)

type describeCommand struct {
	Model     string `arg:"" help:"An ONNX model." type:"path"`
	Gradients bool   `help:"Tell whether the outputs can be differentiated with respect to the inputs, and what it costs."`
	Size      int    `help:"Input size that gradients are told for, of models that take any." placeholder:"PIXELS"`
}

// Help adds an example to --help.
func (describeCommand) Help() string {
	return `Example:

  visus describe resnet20.onnx
  visus describe resnet20.onnx --gradients
  visus describe anysize.onnx --gradients --size 224`
}

// Run prints what the model takes, gives and is made of. It needs no engine.
func (c *describeCommand) Run(t terminal) error {
	if err := modelFile(c.Model); err != nil {
		return usageError{err}
	}
	if err := atLeast(0, map[string]int{"size": c.Size}); err != nil {
		return usageError{err}
	}
	g, err := graph.Load(c.Model)
	if err != nil {
		return err
	}
	d, err := g.Describe()
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", c.Model)
	fact := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	if d.Producer != "" {
		fact("made by", "%s", strings.TrimSpace(d.Producer+" "+d.ProducerVersion))
	}
	fact("opsets", "%s", opsets(d.Opsets))
	for _, v := range d.Inputs {
		fact("takes", "%s", describeValue(v))
	}
	for _, v := range d.Outputs {
		fact("gives", "%s", describeValue(v))
	}
	fact("parameters", "%s (%s)", grouped(int64(d.Parameters)), size(d.Bytes))
	fact("multiply-adds", "%s an image", millions(d.MultiplyAdds))
	if len(d.Uncounted) > 0 {
		fact("", "not counting %d nodes whose shapes depend on the input", len(d.Uncounted))
	}
	fact("normalisers", "%s", normalisers(d))
	words := make([]string, len(d.Operators))
	for i, o := range d.Operators {
		words[i] = fmt.Sprintf("%d %s", o.Count, o.Operator)
	}
	fact("operators", "%d: %s", d.Nodes, strings.Join(words, ", "))
	for _, key := range slices.Sorted(maps.Keys(g.Metadata)) {
		fact("metadata", "%s: %s", key, shorten(g.Metadata[key], 100))
	}
	if c.Gradients {
		describeGradients(g, c.Size, fact)
	}
	_, err = fmt.Fprint(t.Out, b.String())
	return err
}

// describeGradients tells, for every input, what a gradient of the outputs for one image meets on its way. What keeps it from being written is
// a fact about the model, not a failure of the command. size is the side of images where the model takes any; 0: it is left open.
func describeGradients(g *graph.Graph, size int, fact func(name, format string, args ...any)) {
	single, outputs, err := singleImage(g, size)
	if err != nil {
		fact("gradients", "none: %s", err)
		return
	}
	for _, v := range single.Inputs {
		s, err := grad.Look(single, outputs, []string{v.Name})
		if err != nil {
			fact("gradient", "of %s: none, as %s", v.Name, strings.TrimPrefix(err.Error(), "grad: "))
			if open(v) && size == 0 {
				fact("", "--size PIXELS gives the free dimensions sizes")
			}
			continue
		}
		if len(s.Ruled)+len(s.Missing) == 0 {
			fact("gradient", "of %s: zero everywhere, as none goes through %s", v.Name, operators(s.Stops))
			continue
		}
		fact("gradient", "of %s: through %s", v.Name, operators(s.Ruled))
		if len(s.Stops) > 0 {
			fact("", "none goes through %s", operators(s.Stops))
		}
		for _, n := range s.Missing[:min(len(s.Missing), mostMissing)] {
			fact("", "no gradient rule: %s", n)
		}
		if len(s.Missing) > 0 {
			fact("", "%d nodes without a rule in all", len(s.Missing))
			continue
		}
		nodes, work, err := gradientCost(single, outputs, v.Name)
		if err != nil {
			fact("", "cannot be written: %s", err)
			continue
		}
		fact("", "costs %s more nodes and %s more multiply-adds an image", grouped(int64(nodes)), millions(work))
	}
}

// open says whether a dimension of an input has no size.
func open(v graph.Value) bool {
	return slices.ContainsFunc(v.Shape, func(d graph.Dim) bool { return !d.Fixed() })
}

// singleImage returns the model for a batch of 1 where the batch is free, and for images of a side (0: as they are) where their size is; and
// its outputs that are floating-point numbers.
func singleImage(g *graph.Graph, size int) (single *graph.Graph, outputs []string, err error) {
	single, sizes := g.Clone(), map[string][]int{}
	if size == 0 {
		size = -1
	}
	for _, v := range g.Inputs {
		if !open(v) {
			continue
		}
		of := make([]int, len(v.Shape))
		for i, d := range v.Shape {
			switch {
			case d.Fixed():
				of[i] = -1
			case i == 0:
				of[i] = 1
			default:
				of[i] = size
			}
		}
		sizes[v.Name] = of
	}
	if err := single.FixDims(sizes); err != nil {
		return nil, nil, err
	}
	values, err := single.InferShapes()
	for _, v := range single.Outputs {
		switch values[v.Name].Type {
		case tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16:
			outputs = append(outputs, v.Name)
		}
	}
	return single, outputs, err
}

// mostMissing bounds how many nodes without a rule are named.
const mostMissing = 10

// gradientCost returns the nodes and multiply-adds that the gradient of outputs with respect to an input adds, in ordinary operators.
func gradientCost(g *graph.Graph, outputs []string, input string) (nodes int, work int64, err error) {
	with := g.Clone()
	if err := with.Upgrade(); err != nil { // as VJP does first: its nodes are no part of the cost
		return 0, 0, err
	}
	before, err := with.Describe()
	if err != nil {
		return 0, 0, err
	}
	values, err := with.InferShapes()
	if err != nil {
		return 0, 0, err
	}
	var cotangents []string
	for _, name := range outputs {
		v := values[name]
		v.Name = with.Fresh("cotangent/" + name)
		with.Inputs, cotangents = append(with.Inputs, v), append(cotangents, v.Name)
	}
	names, err := grad.VJP(with, outputs, cotangents, []string{input})
	if err != nil {
		return 0, 0, err
	}
	with.Outputs = append(with.Outputs, graph.Value{Name: names[input]})
	if err := lower.Lower(with); err != nil {
		return 0, 0, err
	}
	after, err := with.Describe()
	return after.Nodes - before.Nodes, after.MultiplyAdds - before.MultiplyAdds, err
}

// operators counts nodes by operator, the most frequent first.
func operators(nodes []*graph.Node) string {
	count := map[string]int{}
	for _, n := range nodes {
		count[n.Op]++
	}
	names := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	for i, op := range names {
		names[i] = fmt.Sprintf("%d %s", count[op], op)
	}
	return strings.Join(names, ", ")
}

func opsets(all map[string]int64) string {
	var words []string
	for domain, version := range all {
		if domain == "" {
			domain = "ONNX"
		}
		words = append(words, fmt.Sprintf("%s %d", domain, version))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func describeValue(v graph.Value) string {
	return fmt.Sprintf("%s: %s %s", v.Name, v.Type, graph.ShapeText(v.Shape))
}

// normalisers counts the normalisation layers by operator.
func normalisers(d graph.Description) string {
	if len(d.Normalisers) == 0 {
		return "none (batch norm may be folded into the convolutions)"
	}
	count := map[string]int{}
	for _, n := range d.Normalisers {
		count[n.Node.Op]++
	}
	var words []string
	for op, n := range count {
		words = append(words, fmt.Sprintf("%d %s", n, op))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// grouped writes 269722 as 269,722.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func size(bytes int) string {
	switch {
	case bytes >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
	case bytes >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
}

func millions(n int64) string {
	if n >= 1e9 {
		return fmt.Sprintf("%.2f billion", float64(n)/1e9)
	}
	return fmt.Sprintf("%.1f million", float64(n)/1e6)
}

func shorten(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
