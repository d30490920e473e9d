package graph

import (
	"slices"

	"visus/tensor"
)

// inferIf goes through both branches, or the one that a constant condition takes, and keeps what they agree on.
func inferIf(c *call) error {
	branches := []string{"then_branch", "else_branch"}
	if v, ok := c.evaluation.arg(0).list(); ok && len(v) == 1 {
		branches = branches[1-v[0] : 2-v[0]]
	}
	for i, name := range branches {
		g, _ := c.Attribute(name).(*Graph)
		if g == nil {
			return nil
		}
		if err := c.infer.graph(g); err != nil {
			return err
		}
		for k := range min(len(g.Outputs), len(c.out)) {
			f := c.infer.facts[g.Outputs[k].Name]
			if i > 0 {
				f = common(c.out[k], f)
			}
			c.out[k] = f
		}
	}
	return nil
}

// common keeps what two facts agree on.
func common(a, b fact) fact {
	out := fact{}
	if a.kind == b.kind {
		out.kind = a.kind
	}
	if a.shape == nil || b.shape == nil || len(a.shape) != len(b.shape) {
		return out
	}
	out.shape = unknownDims(len(a.shape))
	for i := range out.shape {
		if a.shape[i] == b.shape[i] {
			out.shape[i] = a.shape[i]
		}
	}
	return out
}

// inferLoop goes through the body once. What the loop carries keeps its type; its shape may change from turn to turn, so only what the
// body states of it is taken. What each turn puts out is stacked; how many turns there are is unknown.
func inferLoop(c *call) error {
	body, _ := c.Attribute("body").(*Graph)
	carried := len(c.facts) - 2
	if body == nil || carried < 0 || len(body.Inputs) != carried+2 || len(body.Outputs) < carried+1 {
		return nil
	}
	c.infer.facts[body.Inputs[0].Name] = fact{kind: tensor.Int64, shape: []Dim{}}
	c.infer.facts[body.Inputs[1].Name] = fact{kind: tensor.Bool, shape: []Dim{}}
	for i, v := range body.Inputs[2:] {
		c.infer.facts[v.Name] = fact{kind: c.arg(i + 2).kind}
	}
	if err := c.infer.graph(body); err != nil {
		return err
	}
	for i, v := range body.Outputs[1:] {
		f := c.infer.facts[v.Name]
		if i < carried { // without a turn the initial value comes out
			f = common(c.arg(i+2), f)
			c.set(i, f.kind, f.shape)
			continue
		}
		c.set(i, f.kind, stacked(f.shape, free, 0))
	}
	return nil
}

// inferScan goes through the body with one slice of each scanned input. States keep type and shape.
func inferScan(c *call) error {
	body, _ := c.Attribute("body").(*Graph)
	scanned := int(c.Int("num_scan_inputs", 0))
	states := len(c.facts) - scanned
	if body == nil || c.opset < 9 || scanned < 1 || states < 0 || len(body.Inputs) != len(c.facts) || len(body.Outputs) < states {
		return nil
	}
	length := free
	for i, v := range body.Inputs {
		f := fact{kind: c.arg(i).kind, shape: c.arg(i).shape}
		if i >= states && f.shape != nil {
			axis, ok := axisOf(at(c.Ints("scan_input_axes"), i-states), len(f.shape))
			if !ok {
				return nil
			}
			length = f.shape[axis]
			f.shape, _ = reduce(f.shape, []int64{int64(axis)}, false)
		}
		c.infer.facts[v.Name] = f
	}
	if err := c.infer.graph(body); err != nil {
		return err
	}
	for i, v := range body.Outputs {
		f := c.infer.facts[v.Name]
		if i >= states {
			f.shape = stacked(f.shape, length, at(c.Ints("scan_output_axes"), i-states))
		}
		c.set(i, f.kind, f.shape)
	}
	return nil
}

// at returns the i-th entry, 0 where the list is shorter.
func at(list []int64, i int) int64 {
	if i < len(list) {
		return list[i]
	}
	return 0
}

// stacked adds an axis to a shape, nil where that is unknown or the axis is outside of it.
func stacked(shape []Dim, length Dim, at int64) []Dim {
	axis, ok := axisOf(at, len(shape)+1)
	if shape == nil || !ok {
		return nil
	}
	return slices.Insert(slices.Clone(shape), axis, length)
}
