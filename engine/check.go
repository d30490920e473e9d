package engine

import (
	"fmt"
	"strings"

	"visus/graph"
	"visus/tensor"
)

// CheckInputs reports how the tensors differ in number, type or shape from what the inputs of a graph ask for.
func CheckInputs(want []graph.Value, given []*tensor.Tensor) error {
	if len(want) != len(given) {
		return fmt.Errorf("%d inputs expected (%s), found %d", len(want), names(want), len(given))
	}
	for i, v := range want {
		if given[i] == nil {
			return fmt.Errorf("input %q is missing", v.Name)
		}
		if !Fits(v, given[i]) {
			return fmt.Errorf("input %q: %s expected, found %s %v", v.Name, describe(v), given[i].Type(), given[i].Shape())
		}
	}
	return nil
}

// CheckOutputs reports how the tensors that shall be filled differ from what a graph gives; nil tensors fit.
func CheckOutputs(want []graph.Value, given []*tensor.Tensor) error {
	if len(want) != len(given) {
		return fmt.Errorf("%d outputs expected (%s), found room for %d", len(want), names(want), len(given))
	}
	for i, v := range want {
		if given[i] != nil && !Fits(v, given[i]) {
			return fmt.Errorf("output %q: %s expected, found room for %s %v", v.Name, describe(v), given[i].Type(), given[i].Shape())
		}
	}
	return nil
}

// Fits says whether the tensor has the value's type, rank and fixed dimensions, as far as these are known.
func Fits(v graph.Value, t *tensor.Tensor) bool {
	if v.Type != tensor.Invalid && v.Type != t.Type() {
		return false
	}
	if v.Shape == nil {
		return true
	}
	shape := t.Shape()
	if len(v.Shape) != len(shape) {
		return false
	}
	for i, d := range v.Shape {
		if d.Fixed() && d.Size != shape[i] {
			return false
		}
	}
	return true
}

// describe writes a value's type and shape as "float32 [batch 3 ? 32]".
func describe(v graph.Value) string {
	if v.Shape == nil {
		return v.Type.String() + " of any shape"
	}
	dims := make([]string, len(v.Shape))
	for i, d := range v.Shape {
		dims[i] = d.String()
	}
	return v.Type.String() + " [" + strings.Join(dims, " ") + "]"
}

// names lists values for a message, which a graph with hundreds of them does not fill.
func names(values []graph.Value) string {
	const most = 10
	var list []string
	for i, v := range values {
		if i == most {
			list = append(list, fmt.Sprintf("and %d more", len(values)-most))
			break
		}
		list = append(list, v.Name)
	}
	return strings.Join(list, ", ")
}
