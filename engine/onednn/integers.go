package onednn

import (
	"fmt"
	"slices"

	"visus/engine/onednn/kernel"
	"visus/tensor"
)

// isWhole says whether all are integers, or truth values.
func isWhole(in ...*value) bool {
	return !slices.ContainsFunc(in, func(v *value) bool { return v.kind != tensor.Int64 && v.kind != tensor.Int32 && v.kind != tensor.Bool })
}

// whole reports indices that are no integers.
func whole(indices *value) error {
	if indices.kind != tensor.Int64 && indices.kind != tensor.Int32 {
		return fmt.Errorf("indices of %s", indices.kind)
	}
	return nil
}

// integers applies an operation to each element of integers, which broadcast: exactly, where loops would compute in float32. Such tensors are
// indices and what is counted with them, so no loop is fused with it.
func (t *translator) integers(kind tensor.Type, op kernel.Op, in ...*value) *value {
	c := call{name: "Integers", in: in}
	c.plan = func(p *planner, c *call) error { return p.integers(c, op) }
	return t.invoke(fmt.Sprint(op, kind), c, kind, broadcast(in...))[0]
}

func (p *planner) integers(c *call, op kernel.Op) error {
	out := p.room(c.out[0].kind, dense(c.out[0].shape))
	layouts := []layout{out.layout}
	var places []place
	for _, v := range c.in {
		at, err := p.place(v)
		if err != nil {
			return err
		}
		places, layouts = append(places, at), append(layouts, at.layout.broadcast(c.out[0].shape))
	}
	s, ok := walk(layouts...)
	if !ok {
		return fmt.Errorf("integers whose shapes do not fit")
	}
	p.places[c.out[0]] = out
	p.kernel(c.name, func() stepper {
		instruction := kernel.Instruction{Op: op}
		l := kernel.Integers{Dims: s.sizes()}
		for i, to := range []*int{&instruction.A, &instruction.B, &instruction.C}[:len(places)] {
			*to = i
			l.Operands = append(l.Operands, kernel.Operand{Memory: places[i].pointer(), Type: places[i].kind, Strides: layouts[i+1].over(s)})
		}
		l.Code = []kernel.Instruction{instruction}
		l.Results = []kernel.Result{{Register: len(places), Memory: out.pointer(), Type: out.kind, Strides: out.layout.over(s)}}
		return l
	}, out, places...)
	return nil
}
