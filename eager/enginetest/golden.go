package enginetest

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"visus/eager"
	host "visus/eager/slices"
	"visus/internal/golden"
)

// goldenCase is one line of eager_cases.json, made by EagerPy 0.30.0 (see the folder's README).
type goldenCase struct {
	ID, Op, F string
	Inputs    []json.RawMessage
	Params    map[string]any
	Expect    map[string]struct {
		Output json.RawMessage
		Error  string
	}
	Correct           json.RawMessage
	CorrectValuesOnly json.RawMessage `json:"correct_values_only"`
}

type goldenTensor struct {
	DType string
	Shape []int
	Data  []any
}

// ours lists the cases where the rule of visus differs from the reference: "error" where it refuses, the reason why it has more.
var ours = map[string]string{
	"add_07":             "error: float64 with float32 is cast first",
	"sqrt_03":            "error: integers are cast first",
	"take_along_axis_03": "more: any axis",
	"pad_07":             "more: reflection at any rank",
}

// golden reads the cases, those of visus/../data/eager or of the folder that VISUS_GOLDEN names.
func goldenCases(t *testing.T) []goldenCase {
	return golden.JSON[struct{ Cases []goldenCase }](t, filepath.Join(golden.Dir(t, "eager"), "eager_cases.json")).Cases
}

// mixed says whether the case has inputs of both floating-point types.
func (c goldenCase) mixed() bool {
	has := func(kind string) bool {
		return slices.ContainsFunc(c.Inputs, func(in json.RawMessage) bool { return strings.Contains(string(in), kind) })
	}
	return has(`"float32"`) && has(`"float64"`)
}

// refused says whether the case is one that gives an error.
func (c goldenCase) refused() bool {
	return c.Expect["torch"].Error != "" || strings.HasPrefix(ours[c.ID], "error")
}

// want returns the results, or nil where only the error counts or visus has more than the reference.
func (c goldenCase) want(t *testing.T) []*host.Tensor {
	expect := c.Expect["torch"]
	switch {
	case c.Correct != nil:
		return outputs(t, c.Correct)
	case expect.Error != "" || ours[c.ID] != "":
		return nil
	}
	return outputs(t, expect.Output)
}

// tolerance follows the folder's README: gradients and sums 1e-5 in float32, functions 2e-6, float64 1e-12.
func (c goldenCase) tolerance(d eager.DType) float64 {
	sums := []string{"sum", "mean", "prod", "value_and_grad", "value_aux_and_grad", "softmax", "log_softmax", "kl_div_with_logits"}
	switch {
	case d == eager.Float64:
		return 1e-12
	case slices.Contains(sums, c.Op):
		return 1e-5
	}
	return 2e-6
}

// outputs reads one tensor or a list of them.
func outputs(t *testing.T, text json.RawMessage) []*host.Tensor {
	t.Helper()
	var list []json.RawMessage
	if json.Unmarshal(text, &list) != nil {
		list = []json.RawMessage{text}
	}
	out := make([]*host.Tensor, len(list))
	for i, one := range list {
		out[i] = goldenInput(t, one)
	}
	return out
}

var dtypes = map[string]eager.DType{"float32": eager.Float32, "float64": eager.Float64, "int64": eager.Int64, "bool": eager.Bool}

func goldenInput(t *testing.T, text json.RawMessage) *host.Tensor {
	t.Helper()
	var g goldenTensor
	var scalar struct{ Scalar any }
	if json.Unmarshal(text, &scalar) == nil && scalar.Scalar != nil {
		return host.Wrap([]float64{float(scalar.Scalar)})
	}
	if text[0] == '"' { // a formatted number
		var v float64
		if _, err := fmt.Sscanf(string(text), `"'%g'"`, &v); err != nil {
			t.Fatal(err)
		}
		return host.Wrap([]float64{v})
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatalf("expected a tensor, found %.80s", text)
	}
	data := make([]float64, len(g.Data))
	for i, v := range g.Data {
		data[i] = float(v)
	}
	return host.Wrap(data, g.Shape...).Cast(dtypes[g.DType])
}

func float(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case bool:
		if v {
			return 1
		}
		return 0
	}
	return map[any]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}[v]
}

// inputs reads tensors; scalars take the type of the first tensor.
func (c goldenCase) inputs(t *testing.T) []*host.Tensor {
	out := make([]*host.Tensor, len(c.Inputs))
	dtype := eager.Float32
	for i := len(out) - 1; i >= 0; i-- {
		if c.Inputs[i][0] == '{' {
			out[i] = goldenInput(t, c.Inputs[i])
			dtype = out[i].DType()
		}
	}
	for i := range out {
		if out[i] != nil {
			continue
		}
		var v any
		if err := json.Unmarshal(c.Inputs[i], &v); err != nil {
			t.Fatal(err)
		}
		out[i] = new(host.Tensor).Full(dtype, float(v), nil)
	}
	return out
}

func (c goldenCase) ints(name string) []int {
	switch v := c.Params[name].(type) {
	case float64:
		return []int{int(v)}
	case []any:
		out := make([]int, len(v))
		for i := range v {
			out[i] = int(v[i].(float64))
		}
		return out
	}
	return nil
}

func (c goldenCase) number(name string, otherwise int) int {
	if v := c.ints(name); len(v) == 1 {
		return v[0]
	}
	return otherwise
}

func (c goldenCase) real(name string, otherwise float64) float64 {
	if v, given := c.Params[name]; given {
		return float(v)
	}
	return otherwise
}
