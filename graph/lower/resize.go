package lower

import (
	"fmt"
	"math"
	"slices"

	"visus/graph"
)

// resizeGrad: Resize is a matrix along each axis, so its gradient is the transposed matrix along each.
func resizeGrad(b *graph.Builder, c call) []graph.Value {
	v, shape := c.x[0], ints(c.Ints("shape"))
	scales, _ := c.Attribute("scales").([]float32)
	roi, _ := c.Attribute("roi").([]float32)
	if len(shape) != len(v.Shape) || len(scales) != len(shape) {
		b.Fail(c.Op, fmt.Errorf("shape %v and scales %v, expected an entry for each of %d axes", shape, scales, len(v.Shape)))
		return nil
	}
	for i, in := range shape {
		start, end := float32(0), float32(1)
		if len(roi) == 2*len(shape) {
			start, end = roi[i], roi[i+len(shape)]
		}
		rows, err := ResizeAxis(c.Node, in, sizes(c.x[0])[i], scales[i], start, end)
		if err != nil {
			b.Fail(c.Op, err)
			return nil
		}
		v = along(b, v, i, matrix{len(rows), in, slices.Concat(rows...)})
	}
	return []graph.Value{v}
}

// ResizeAxis returns the rows of the matrix A [out, in] by which a Resize with the node's attributes is y = A·x along an axis; a ResizeGrad has the
// same ones. From start to end is the axis' region of interest, 0 and 1 but for tf_crop_and_resize.
func ResizeAxis(n *graph.Node, in, out int, scale, start, end float32) ([][]float64, error) {
	r := resizing{
		mode: n.Text("mode", "nearest"), place: n.Text("coordinate_transformation_mode", "half_pixel"), nearest: n.Text("nearest_mode", "round_prefer_floor"),
		cubic: n.Float("cubic_coeff_a", -0.75), outside: n.Int("exclude_outside", 0) != 0, antialias: n.Int("antialias", 0) != 0,
	}
	m, err := r.matrix(axis{in, out, scale, start, end})
	if err != nil {
		return nil, err
	}
	return slices.Collect(slices.Chunk(m.values, in)), nil
}

// resizing says how entries between entries are made; the fields are Resize's attributes.
type resizing struct {
	mode, place, nearest string
	cubic                float32
	outside, antialias   bool
}

// axis is one axis that is resized; start and end are its region of interest.
type axis struct {
	in, out           int
	scale, start, end float32
}

// matrix returns Resize along an axis. Places are computed in float32, as ONNX Runtime does: in float64 ties would fall elsewhere.
func (r resizing) matrix(a axis) (matrix, error) {
	m := newMatrix(a.out, a.in)
	if a.scale == 1 && a.in == a.out { // whatever the mode says, as ONNX Runtime has it
		for i := range a.in {
			m.add(i, i, 1)
		}
		return m, nil
	}
	for o := range a.out {
		at, err := r.origin(a, o)
		if err != nil {
			return m, err
		}
		if r.place == "tf_crop_and_resize" && (at < 0 || at > float32(a.in-1)) {
			continue // the extrapolation value, a constant
		}
		if err := r.weigh(a, at, func(i int, weight float64) { m.add(o, i, weight) }); err != nil {
			return m, err
		}
	}
	return m, nil
}

// origin is where an entry of the output lies in the input.
func (r resizing) origin(a axis, o int) (float32, error) {
	x, in, out := float32(o), float32(a.in), float32(a.out)
	switch r.place {
	case "half_pixel":
		return (x+0.5)/a.scale - 0.5, nil
	case "pytorch_half_pixel":
		if a.out == 1 {
			return 0, nil
		}
		return (x+0.5)/a.scale - 0.5, nil
	case "half_pixel_symmetric":
		centre := in / 2
		return centre*(1-out/(a.scale*in)) + (x+0.5)/a.scale - 0.5, nil
	case "tf_half_pixel_for_nn":
		return (x + 0.5) / a.scale, nil
	case "asymmetric":
		return x / a.scale, nil
	case "align_corners":
		if a.out == 1 {
			return 0, nil
		}
		return x * (in - 1) / (out - 1), nil
	case "tf_crop_and_resize":
		if a.out == 1 {
			return 0.5 * (a.start + a.end) * (in - 1), nil
		}
		return a.start*(in-1) + x*(a.end-a.start)*(in-1)/(out-1), nil
	}
	return 0, fmt.Errorf("coordinate_transformation_mode %q is unknown", r.place)
}

// weigh gives the entries of the input that make one of the output, with their weights.
func (r resizing) weigh(a axis, at float32, add func(i int, weight float64)) error {
	last := a.in - 1
	if r.antialias && a.scale < 1 && r.mode != "nearest" {
		r.smooth(a, at, add)
		return nil
	}
	switch r.mode {
	case "nearest":
		i, err := r.round(at)
		add(min(max(i, 0), last), 1)
		return err
	case "linear":
		at = min(max(at, 0), float32(last))
		low := int(at)
		high := min(low+1, last)
		far := float64(at - float32(low))
		add(low, 1-far)
		add(high, far)
		return nil
	case "cubic":
		low := int(math.Floor(float64(at)))
		r.filter(low-1, low+3, last, func(i int) float64 { return keys(math.Abs(float64(at)-float64(i)), float64(r.cubic)) }, add)
		return nil
	}
	return fmt.Errorf("mode %q is unknown", r.mode)
}

// smooth widens the kernel by the factor that the axis shrinks by, as Pillow does.
func (r resizing) smooth(a axis, at float32, add func(i int, weight float64)) {
	kernel, support := func(x float64) float64 { return max(0, 1-x) }, 1.0
	if r.mode == "cubic" {
		kernel, support = func(x float64) float64 { return keys(x, float64(r.cubic)) }, 2
	}
	centre, factor := float64(at), 1/float64(a.scale)
	low, high := int(math.Floor(centre+1-support*factor)), int(math.Floor(centre+1+support*factor))
	r.filter(low, high, a.in-1, func(i int) float64 { return kernel(math.Abs(float64(i)-centre) / factor) }, add)
}

// filter weighs the entries from low on and before high, and makes the weights sum to 1. Those outside of the input are copies of the border's, or
// with exclude_outside have no weight.
func (r resizing) filter(low, high, last int, kernel func(i int) float64, add func(i int, weight float64)) {
	weights, total := make([]float64, max(high-low, 0)), 0.0
	for k := range weights {
		if i := low + k; !r.outside || i >= 0 && i <= last {
			weights[k] = kernel(i)
			total += weights[k]
		}
	}
	for k, weight := range weights {
		add(min(max(low+k, 0), last), weight/total)
	}
}

// round is the nearest entry by nearest_mode.
func (r resizing) round(at float32) (int, error) {
	x := float64(at)
	switch r.nearest {
	case "round_prefer_floor":
		return int(math.Ceil(x - 0.5)), nil
	case "round_prefer_ceil":
		return int(math.Floor(x + 0.5)), nil
	case "floor":
		return int(math.Floor(x)), nil
	case "ceil":
		return int(math.Ceil(x)), nil
	}
	return 0, fmt.Errorf("nearest_mode %q is unknown", r.nearest)
}

// keys is the cubic convolution kernel at a distance x >= 0 (Keys, 1981, equation 15 for a = -1/2).
func keys(x, a float64) float64 {
	switch {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	}
	return 0
}
