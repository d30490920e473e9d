package slices

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"visus/eager"
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

func TestGolden(t *testing.T) {
	file := golden.JSON[struct{ Cases []goldenCase }](t, filepath.Join(golden.Dir(t, "eager"), "eager_cases.json"))
	checked, left := 0, map[string]int{}
	for _, c := range file.Cases {
		got, ok := c.run(t)
		if !ok {
			left[c.Op]++
			continue
		}
		checked++
		t.Run(c.ID, func(t *testing.T) { c.compare(t, got) })
	}
	t.Logf("%d of %d cases checked; not run here: %v", checked, len(file.Cases), left)
	if checked < 347 {
		t.Errorf("expected at least 347 cases, checked %d", checked)
	}
}

func (c goldenCase) compare(t *testing.T, got []*Tensor) {
	expect := c.Expect["torch"]
	refused := expect.Error != "" || strings.HasPrefix(ours[c.ID], "error")
	if refused != (got[0].Err() != nil) && !strings.HasPrefix(ours[c.ID], "more") {
		t.Fatalf("expected an error: %v, found %v", refused, got[0].Err())
	}
	if got[0].Err() != nil || expect.Error != "" {
		return
	}
	text := expect.Output
	if c.Correct != nil {
		text = c.Correct
	}
	want := outputs(t, text)
	if len(want) != len(got) {
		t.Fatalf("expected %d results, found %d", len(want), len(got))
	}
	for i := range want {
		near(t, got[i], want[i], c.tolerance(want[i].dtype), c.CorrectValuesOnly != nil)
	}
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

func near(t *testing.T, got, want *Tensor, tolerance float64, valuesOnly bool) {
	t.Helper()
	if !slices.Equal(got.shape, want.shape) || got.dtype != want.dtype && !valuesOnly {
		t.Fatalf("expected %v%v, found %v%v", want.dtype, want.shape, got.dtype, got.shape)
	}
	a, err := got.Floats()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := want.Floats()
	for i := range a {
		same := a[i] == b[i] || a[i] != a[i] && b[i] != b[i] || math.Abs(a[i]-b[i]) <= tolerance*math.Abs(b[i])+1e-7*tolerance/2e-6
		if !same {
			t.Fatalf("element %d: expected %v, found %v", i, b[i], a[i])
		}
	}
}

// outputs reads one tensor or a list of them.
func outputs(t *testing.T, text json.RawMessage) []*Tensor {
	t.Helper()
	var list []json.RawMessage
	if json.Unmarshal(text, &list) != nil {
		list = []json.RawMessage{text}
	}
	out := make([]*Tensor, len(list))
	for i, one := range list {
		out[i] = goldenInput(t, one)
	}
	return out
}

var dtypes = map[string]eager.DType{"float32": eager.Float32, "float64": eager.Float64, "int64": eager.Int64, "bool": eager.Bool}

func goldenInput(t *testing.T, text json.RawMessage) *Tensor {
	t.Helper()
	var g goldenTensor
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatalf("expected a tensor, found %.80s", text)
	}
	data := make([]float64, len(g.Data))
	for i, v := range g.Data {
		data[i] = float(v)
	}
	return Wrap(data, g.Shape...).Cast(dtypes[g.DType])
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
func (c goldenCase) inputs(t *testing.T) []*Tensor {
	out := make([]*Tensor, len(c.Inputs))
	dtype := eager.Float32
	for i := len(out) - 1; i >= 0; i-- {
		if c.Inputs[i][0] == '{' {
			out[i] = goldenInput(t, c.Inputs[i])
			dtype = out[i].dtype
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
		out[i] = (&Tensor{}).Full(dtype, float(v), nil)
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

func one(t *Tensor) []*Tensor { return []*Tensor{t} }

func two(a, b *Tensor) []*Tensor { return []*Tensor{a, b} }

var unaries, binaries, comparisons, reductions = map[string]eager.UnaryOp{}, map[string]eager.BinaryOp{"truediv": eager.OpDiv},
	map[string]eager.CompareOp{}, map[string]eager.ReduceOp{}

func init() {
	for op := eager.OpAbs; op <= eager.OpNot; op++ {
		unaries[op.String()] = op
	}
	for op := eager.OpAdd; op <= eager.OpOr; op++ {
		binaries[op.String()] = op
	}
	for op := eager.OpLess; op <= eager.OpNotEqual; op++ {
		comparisons[op.String()] = op
	}
	for op := eager.OpSum; op <= eager.OpAny; op++ {
		reductions[op.String()] = op
	}
}

// run returns the results, or false for what has no function here (format, iteration, the shape as a list, and the like).
func (c goldenCase) run(t *testing.T) ([]*Tensor, bool) {
	in := c.inputs(t)
	x, axes := in[0], c.ints("axis")
	keep, _ := c.Params["keepdims"].(bool)
	if op, found := unaries[c.Op]; found {
		return one(x.Unary(op)), true
	}
	if op, found := binaries[c.Op]; found && len(in) == 2 {
		return one(x.Binary(op, in[1])), true
	}
	if op, found := comparisons[c.Op]; found {
		return one(x.Compare(op, in[1])), true
	}
	if op, found := reductions[c.Op]; found {
		return one(eager.Reduce(x, op, keep, axes...)), true
	}
	if f, found := shapes[c.Op]; found {
		return one(f(c, x, in)), true
	}
	switch c.Op {
	case "topk":
		return two(eager.TopK(x, c.number("k", 0))), true
	case "slogdet":
		return two(x.SlogDet()), true
	case "meshgrid":
		return eager.MeshGrid(c.Params["indexing"] == "xy", in...), true
	case "value_and_grad", "value_aux_and_grad":
		return c.differentiate(x, in)
	}
	return nil, false
}

// flat is x as a vector where no axis is named.
func (c goldenCase) flat(x *Tensor) (*Tensor, int) {
	if axes := c.ints("axis"); len(axes) > 0 {
		return x, axes[0]
	}
	return eager.Reshape(x, -1), 0
}

var shapes = map[string]func(c goldenCase, x *Tensor, in []*Tensor) *Tensor{
	"pow": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return x.BinaryScalar(eager.OpPow, c.real("exponent", 0), false)
	},
	"clip": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return eager.Clip(x, c.real("min_", 0), c.real("max_", 0))
	},
	"where": whereCase,
	"mean": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return eager.Mean(x, c.Params["keepdims"] == true, c.ints("axis")...)
	},
	"argmin": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return eager.ArgMin(c.flat(x)) },
	"argmax": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return eager.ArgMax(c.flat(x)) },
	"cumsum": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return eager.CumSum(c.flat(x)) },
	"sort": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return two(eager.Sort(x, c.number("axis", -1)))[0]
	},
	"argsort": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return two(eager.Sort(x, c.number("axis", -1)))[1]
	},
	"reshape": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return eager.Reshape(x, c.ints("shape")...) },
	"flatten": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return eager.Flatten(x, c.number("start", 0), c.number("end", -1))
	},
	"transpose":   func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return eager.Transpose(x, c.ints("axes")...) },
	"T":           func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return eager.Transpose(x) },
	"squeeze":     func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return eager.Squeeze(x, c.ints("axis")...) },
	"expand_dims": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return eager.ExpandDims(x, c.number("axis", 0)) },
	"tile":        func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return eager.Tile(x, c.ints("multiples")...) },
	"stack": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return eager.Stack(c.number("axis", 0), x, in[1:]...)
	},
	"concatenate": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return eager.Concatenate(c.number("axis", 0), x, in[1:]...)
	},
	"flip":  func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return eager.Flip(x, c.ints("axis")...) },
	"zeros": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return x.Full(x.dtype, 0, c.ints("shape")) },
	"ones":  func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return x.Full(x.dtype, 1, c.ints("shape")) },
	"full": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return x.Full(x.dtype, c.real("value", 0), c.ints("shape"))
	},
	"zeros_like": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return x.Full(x.dtype, 0, x.shape) },
	"ones_like":  func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return x.Full(x.dtype, 1, x.shape) },
	"full_like": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return x.Full(x.dtype, c.real("fill_value", 0), x.shape)
	},
	"arange": arangeCase,
	"onehot_like": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return eager.OneHotLike(x, in[1], c.real("value", 1))
	},
	"take_along_axis": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return eager.TakeAlongAxis(x, in[1], c.number("axis", -1))
	},
	"softmax":      func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return eager.Softmax(x, c.number("axis", -1)) },
	"log_softmax":  func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return eager.LogSoftmax(x, c.number("axis", -1)) },
	"crossentropy": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return eager.CrossEntropy(x, in[1]) },
	"kl_div_with_logits": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return eager.KLDivergence(x, in[1], c.number("axis", -1), c.Params["keepdims"] == true)
	},
	"matmul":     func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return x.MatMul(in[1]) },
	"inv":        func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return x.Inverse() },
	"norms.l0":   normCase(0),
	"norms.l1":   normCase(1),
	"norms.l2":   normCase(2),
	"norms.linf": normCase(math.Inf(1)),
	"norms.lp": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return normCase(c.real("p", 0))(c, x, in)
	},
	"astype": func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return x.Cast(dtypes[fmt.Sprint(c.Params["dtype"])])
	},
	"float32":      func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return x.Cast(eager.Float32) },
	"float64":      func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return x.Cast(eager.Float64) },
	"bool":         func(c goldenCase, x *Tensor, in []*Tensor) *Tensor { return x.Cast(eager.Bool) },
	"pad":          padCase,
	"getitem":      getCase,
	"index_update": updateCase,
}

func normCase(p float64) func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
	return func(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
		return eager.Lp(x, p, c.Params["keepdims"] == true, c.ints("axis")...)
	}
}

// whereCase gives scalars the type of the other branch, or float32.
func whereCase(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
	dtype := eager.Float32
	for i := 1; i < 3; i++ {
		if c.Inputs[i][0] == '{' {
			dtype = in[i].dtype
		}
	}
	for i := 1; i < 3; i++ {
		if c.Inputs[i][0] != '{' {
			var v float64
			if err := json.Unmarshal(c.Inputs[i], &v); err != nil {
				return failed(err)
			}
			in[i] = x.Full(dtype, v, nil)
		}
	}
	return x.Where(in[1], in[2])
}

func arangeCase(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
	start, stop := c.number("start", 0), c.number("stop", 0)
	if c.Params["stop"] == nil {
		start, stop = 0, start
	}
	return x.Arange(start, stop, c.number("step", 1))
}

func padCase(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
	var paddings [][2]int
	for _, p := range c.Params["paddings"].([]any) {
		pair := p.([]any)
		paddings = append(paddings, [2]int{int(pair[0].(float64)), int(pair[1].(float64))})
	}
	switch c.Params["mode"] {
	case "constant", nil:
		return eager.Pad(x, c.real("value", 0), paddings...)
	case "reflect":
		return eager.PadReflect(x, paddings...)
	}
	return failed(fmt.Errorf("mode %v has no function here", c.Params["mode"]))
}

// getCase maps the index texts of the file to the functions here.
func getCase(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
	list := func(at ...int64) *Tensor { return eager.Pick(x, Wrap(at, len(at))) }
	switch c.Params["index"] {
	case "[2]":
		return eager.Index(x, eager.At(2))
	case "[-1]":
		return eager.Index(x, eager.At(-1))
	case "[:, :3]":
		return eager.Index(x, eager.Whole, eager.To(3))
	case "[:, ::2]":
		return eager.Index(x, eager.Whole, eager.Every(2))
	case "[newaxis]":
		return eager.Index(x, eager.NewAxis)
	case "[..., newaxis]":
		return eager.Index(x, eager.Ellipsis, eager.NewAxis)
	case "[1:, 2:-1]":
		return eager.Index(x, eager.From(1), eager.Span(2, -1, 1))
	case "[inputs[1]]":
		if in[1].dtype == eager.Bool {
			return eager.Mask(x, in[1])
		}
		return eager.Pick(x, in[1])
	case "[inputs[1][:,newaxis], inputs[2]]":
		return eager.Pick(x, eager.ExpandDims(in[1], 1), in[2])
	case "[[0, 2]]":
		return list(0, 2)
	case "[range(1,4)]":
		return list(1, 2, 3)
	}
	return failed(fmt.Errorf("index %v is not mapped", c.Params["index"]))
}

func updateCase(c goldenCase, x *Tensor, in []*Tensor) *Tensor {
	index, value, _ := strings.Cut(fmt.Sprint(c.Params["index"]), " = ")
	values := in[len(in)-1]
	var scalar float64
	if json.Unmarshal([]byte(value), &scalar) == nil {
		values = eager.Scalar(x, scalar)
	}
	switch index {
	case "[1]":
		return eager.Put(x, []eager.Part{eager.At(1)}, values)
	case "[:, 1]":
		return eager.Put(x, []eager.Part{eager.Whole, eager.At(1)}, values)
	case "[0:2]":
		return eager.Put(x, []eager.Part{eager.To(2)}, values)
	case "[inputs[1], inputs[2]]":
		return eager.PutAt(x, in[1:3], values)
	}
	return failed(fmt.Errorf("index %v is not mapped", index))
}
