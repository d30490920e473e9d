package grad

import (
	"fmt"
	"slices"

	"visus/graph"
	"visus/graph/lower"
	"visus/tensor"
)

// resampling are the rules of operators that read between entries.
var resampling = map[string]rule{
	"Resize": resizeRule, "visus.ResizeGrad": resizeGradRule,
	"GridSample":           gridSampleRule,
	"visus.GridSampleGrad": gridSampleGradRule,
}

// resizeRule: Resize is linear, y = A·x along each axis. Its factors and sizes must be constants.
func resizeRule(b *graph.Builder, c call) []graph.Value {
	in, out := sizes(c.x[0]), sizes(c.y[0])
	axes := from(0, len(in))
	if given := c.Ints("axes"); given != nil {
		axes = nil
		for _, axis := range given {
			axes = append(axes, axisOf(axis, len(in)))
		}
	}
	factors, ends := slices.Repeat([]float32{1}, len(in)), slices.Concat(slices.Repeat([]float32{0}, len(in)), slices.Repeat([]float32{1}, len(in)))
	for i, axis := range axes {
		factors[axis] = float32(out[axis]) / float32(in[axis])
		if scales, ok := given(b, c, 2); ok && i < len(scales) {
			factors[axis] = float32(scales[i])
		}
		if roi, ok := given(b, c, 1); ok && len(roi) == 2*len(axes) {
			ends[axis], ends[axis+len(in)] = float32(roi[i]), float32(roi[i+len(axes)])
		}
	}
	for i := 1; i < len(c.x) && i <= 2; i++ {
		if name := c.Input(i); name != "" && elements(sizes(c.x[i])) > 0 {
			if _, ok := b.Numbers(c.x[i]); !ok {
				b.Fail(c.Op, fmt.Errorf("its gradient needs constant factors; %q is only known when the graph runs", name))
				return nil
			}
		}
	}
	attributes := slices.DeleteFunc(slices.Clone(c.Attributes), func(a graph.Attribute) bool {
		return a.Name == "axes" || a.Name == "keep_aspect_ratio_policy" || a.Name == "extrapolation_value"
	})
	attributes = append(attributes, attribute("shape", integers(in)), attribute("scales", factors), attribute("roi", ends))
	return []graph.Value{b.Op("visus.ResizeGrad", c.dy[:1], attributes...)}
}

// given returns the numbers of an optional constant input.
func given(b *graph.Builder, c call, i int) ([]float64, bool) {
	if c.Input(i) == "" {
		return nil, false
	}
	return b.Numbers(c.x[i])
}

// resizeGradRule: the gradient of Aᵀ·dy is A·u, Resize again.
func resizeGradRule(b *graph.Builder, c call) []graph.Value {
	u, out := c.dy[0], sizes(c.x[0])
	factors, _ := c.Attribute("scales").([]float32)
	ends, _ := c.Attribute("roi").([]float32)
	attributes := slices.DeleteFunc(slices.Clone(c.Attributes), func(a graph.Attribute) bool {
		return a.Name == "shape" || a.Name == "scales" || a.Name == "roi"
	})
	constant := func(v []float32) graph.Value {
		t := tensor.New(tensor.Float32, len(v))
		copy(tensor.Values[float32](t), v)
		return b.Constant(t)
	}
	inputs := []graph.Value{u, constant(ends), {}, list(b, out)}
	for i, size := range sizes(u) {
		if factors[i] != float32(out[i])/float32(size) { // it was not resized to sizes
			inputs = []graph.Value{u, constant(ends), constant(factors)}
		}
	}
	return []graph.Value{b.Op("Resize", inputs, attributes...)}
}

// gridSampleRule: graph/lower says how.
func gridSampleRule(b *graph.Builder, c call) []graph.Value {
	if mode := c.Text("mode", "bilinear"); mode != "bilinear" && mode != "linear" && mode != "nearest" {
		b.Fail(c.Op, fmt.Errorf("no gradient with mode %q, expected linear or nearest", mode))
		return nil
	}
	return b.Ops("visus.GridSampleGrad", 2, []graph.Value{c.x[0], c.x[1], c.dy[0]}, c.Attributes...)
}

// gridSampleGradRule: between entries through what the operator is made of. For the nearest entry dx is linear in dy, by GridSample itself, and
// there is nothing else.
func gridSampleGradRule(b *graph.Builder, c call) []graph.Value {
	if c.Text("mode", "bilinear") != "nearest" {
		return composed(func(b *graph.Builder, c call) []graph.Value { return lower.Write(b, c.Node, c.x) })(b, c)
	}
	if u := c.dy[0]; u.Name != "" {
		return []graph.Value{{}, {}, b.Op("GridSample", []graph.Value{u, c.x[1]}, c.Attributes...)}
	}
	return nil
}
