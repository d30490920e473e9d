package enginetest

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"visus/eager"
)

// call is a golden case on one engine: what its function does with the inputs.
type call[T eager.Tensor[T]] struct {
	goldenCase
	engine Engine[T]
}

func unsupported[T eager.Tensor[T]](x T, what string) T {
	return x.Fail(eager.Errorf(what, eager.ErrUnsupported, "the engine does not look at data or has no gradients"))
}

func one[T any](t T) []T { return []T{t} }

func two[T any](a, b T) []T { return []T{a, b} }

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

// run returns the results of the case's function.
func (c call[T]) run(in []T) []T {
	x, axes := in[0], c.ints("axis")
	keep, _ := c.Params["keepdims"].(bool)
	if op, found := unaries[c.Op]; found {
		return one(x.Unary(op))
	}
	if op, found := binaries[c.Op]; found && len(in) == 2 {
		return one(x.Binary(op, in[1]))
	}
	if op, found := comparisons[c.Op]; found {
		return one(x.Compare(op, in[1]))
	}
	if op, found := reductions[c.Op]; found {
		return one(eager.Reduce(x, op, keep, axes...))
	}
	if f, found := functions[T]()[c.Op]; found {
		return one(f(c, x, in))
	}
	switch c.Op {
	case "topk":
		return two(eager.TopK(x, c.number("k", 0)))
	case "slogdet":
		return two(x.SlogDet())
	case "meshgrid":
		return eager.MeshGrid(c.Params["indexing"] == "xy", in...)
	case "shape":
		sizes := make([]T, len(x.Shape()))
		for i, n := range x.Shape() {
			sizes[i] = x.Full(eager.Float64, float64(n), nil)
		}
		return sizes
	case "iter":
		return eager.Rows(x)
	case "value_and_grad", "value_aux_and_grad":
		return c.differentiate(x, in)
	}
	return one(x.Fail(fmt.Errorf("%q: %w", c.Op, errUnmapped)))
}

func (c call[T]) differentiate(x T, in []T) []T {
	if c.engine.grad == nil {
		return one(unsupported(x, c.Op))
	}
	formula := c.F
	withAux := strings.HasPrefix(formula, "loss sum(x^2), aux x^2")
	if withAux {
		formula = "sum(x^2)"
	}
	loss, found := losses[T]()[formula]
	if !found {
		return one(x.Fail(fmt.Errorf("the formula %q: %w", formula, errUnmapped)))
	}
	value, aux, gradient, err := c.engine.grad(func(x T) (T, []T) { return loss(x, in), []T{eager.Square(x)} }, x)
	switch {
	case err != nil:
		return one(x.Fail(err))
	case withAux:
		return []T{value, aux[0], gradient}
	}
	return two(value, gradient)
}

// item reads one number and returns it as a tensor again.
func (c call[T]) item(x T) T {
	if c.engine.item == nil {
		return unsupported(x, c.Op)
	}
	v, err := c.engine.item(x)
	if err != nil {
		return x.Fail(err)
	}
	return x.Full(eager.Float64, v, nil)
}

func (c call[T]) chain(x T) T {
	switch c.F {
	case "x.flatten(0).square().sum(axis=-1).sqrt()":
		return eager.Of(x).Flatten(0, -1).Square().Sum(false, -1).Sqrt().X
	case "x.flatten(start=1).norms.l2(axis=-1)":
		return eager.Of(x).Flatten(1, -1).L2(false, -1).X
	}
	return x.Fail(fmt.Errorf("the chain %q: %w", c.F, errUnmapped))
}

// flat is x as a vector where no axis is named.
func (c call[T]) flat(x T) (T, int) {
	if axes := c.ints("axis"); len(axes) > 0 {
		return x, axes[0]
	}
	return eager.Reshape(x, -1), 0
}

func functions[T eager.Tensor[T]]() map[string]func(c call[T], x T, in []T) T {
	return map[string]func(c call[T], x T, in []T) T{
		"pow": func(c call[T], x T, in []T) T {
			return x.BinaryScalar(eager.OpPow, c.real("exponent", 0), false)
		},
		"clip": func(c call[T], x T, in []T) T {
			return eager.Clip(x, c.real("min_", 0), c.real("max_", 0))
		},
		"where": whereCase[T],
		"mean": func(c call[T], x T, in []T) T {
			return eager.Mean(x, c.Params["keepdims"] == true, c.ints("axis")...)
		},
		"argmin": func(c call[T], x T, in []T) T { return eager.ArgMin(c.flat(x)) },
		"argmax": func(c call[T], x T, in []T) T { return eager.ArgMax(c.flat(x)) },
		"cumsum": func(c call[T], x T, in []T) T { return eager.CumSum(c.flat(x)) },
		"sort": func(c call[T], x T, in []T) T {
			return first(eager.Sort(x, c.number("axis", -1)))
		},
		"argsort": func(c call[T], x T, in []T) T {
			return eager.ArgSort(x, c.number("axis", -1))
		},
		"reshape": func(c call[T], x T, in []T) T { return eager.Reshape(x, c.ints("shape")...) },
		"flatten": func(c call[T], x T, in []T) T {
			return eager.Flatten(x, c.number("start", 0), c.number("end", -1))
		},
		"transpose":   func(c call[T], x T, in []T) T { return eager.Transpose(x, c.ints("axes")...) },
		"T":           func(c call[T], x T, in []T) T { return eager.Transpose(x) },
		"squeeze":     func(c call[T], x T, in []T) T { return eager.Squeeze(x, c.ints("axis")...) },
		"expand_dims": func(c call[T], x T, in []T) T { return eager.ExpandDims(x, c.number("axis", 0)) },
		"tile":        func(c call[T], x T, in []T) T { return eager.Tile(x, c.ints("multiples")...) },
		"stack": func(c call[T], x T, in []T) T {
			return eager.Stack(c.number("axis", 0), x, in[1:]...)
		},
		"concatenate": func(c call[T], x T, in []T) T {
			return eager.Concatenate(c.number("axis", 0), x, in[1:]...)
		},
		"flip":  func(c call[T], x T, in []T) T { return eager.Flip(x, c.ints("axis")...) },
		"zeros": func(c call[T], x T, in []T) T { return x.Full(x.DType(), 0, c.ints("shape")) },
		"ones":  func(c call[T], x T, in []T) T { return x.Full(x.DType(), 1, c.ints("shape")) },
		"full": func(c call[T], x T, in []T) T {
			return x.Full(x.DType(), c.real("value", 0), c.ints("shape"))
		},
		"zeros_like": func(c call[T], x T, in []T) T { return x.Full(x.DType(), 0, x.Shape()) },
		"ones_like":  func(c call[T], x T, in []T) T { return x.Full(x.DType(), 1, x.Shape()) },
		"full_like": func(c call[T], x T, in []T) T {
			return x.Full(x.DType(), c.real("fill_value", 0), x.Shape())
		},
		"arange": arangeCase[T],
		"onehot_like": func(c call[T], x T, in []T) T {
			return eager.OneHotLike(x, in[1], c.real("value", 1))
		},
		"take_along_axis": func(c call[T], x T, in []T) T {
			return eager.TakeAlongAxis(x, in[1], c.number("axis", -1))
		},
		"softmax":      func(c call[T], x T, in []T) T { return eager.Softmax(x, c.number("axis", -1)) },
		"log_softmax":  func(c call[T], x T, in []T) T { return eager.LogSoftmax(x, c.number("axis", -1)) },
		"crossentropy": func(c call[T], x T, in []T) T { return eager.CrossEntropy(x, in[1]) },
		"kl_div_with_logits": func(c call[T], x T, in []T) T {
			return eager.KLDivergence(x, in[1], c.number("axis", -1), c.Params["keepdims"] == true)
		},
		"matmul":     func(c call[T], x T, in []T) T { return x.MatMul(in[1]) },
		"inv":        func(c call[T], x T, in []T) T { return x.Inverse() },
		"norms.l0":   normCase[T](0),
		"norms.l1":   normCase[T](1),
		"norms.l2":   normCase[T](2),
		"norms.linf": normCase[T](math.Inf(1)),
		"norms.lp": func(c call[T], x T, in []T) T {
			return normCase[T](c.real("p", 0))(c, x, in)
		},
		"astype": func(c call[T], x T, in []T) T {
			return x.Cast(dtypes[fmt.Sprint(c.Params["dtype"])])
		},
		"float32":      func(c call[T], x T, in []T) T { return x.Cast(eager.Float32) },
		"float64":      func(c call[T], x T, in []T) T { return x.Cast(eager.Float64) },
		"bool":         func(c call[T], x T, in []T) T { return x.Cast(eager.Bool) },
		"pad":          padCase[T],
		"getitem":      getCase[T],
		"index_update": updateCase[T],
		"item":         func(c call[T], x T, in []T) T { return c.item(x) },
		"bool()":       func(c call[T], x T, in []T) T { return eager.NotEqualScalar(c.item(x), 0).Cast(eager.Float64) },
		"format":       func(c call[T], x T, in []T) T { return c.item(x) },
		"chain":        func(c call[T], x T, in []T) T { return c.chain(x) },
		"len":          func(c call[T], x T, in []T) T { return x.Full(eager.Float64, float64(x.Shape()[0]), nil) },
		"ndim":         func(c call[T], x T, in []T) T { return x.Full(eager.Float64, float64(len(x.Shape())), nil) },
	}
}

func normCase[T eager.Tensor[T]](p float64) func(c call[T], x T, in []T) T {
	return func(c call[T], x T, in []T) T {
		return eager.Lp(x, p, c.Params["keepdims"] == true, c.ints("axis")...)
	}
}

// whereCase gives scalars the type of the other branch, or float32.
func whereCase[T eager.Tensor[T]](c call[T], x T, in []T) T {
	dtype := eager.Float32
	for i := 1; i < 3; i++ {
		if c.Inputs[i][0] == '{' {
			dtype = in[i].DType()
		}
	}
	for i := 1; i < 3; i++ {
		if c.Inputs[i][0] != '{' {
			var v float64
			if err := json.Unmarshal(c.Inputs[i], &v); err != nil {
				return x.Fail(err)
			}
			in[i] = x.Full(dtype, v, nil)
		}
	}
	return x.Where(in[1], in[2])
}

func arangeCase[T eager.Tensor[T]](c call[T], x T, in []T) T {
	start, stop := c.number("start", 0), c.number("stop", 0)
	if c.Params["stop"] == nil {
		start, stop = 0, start
	}
	return x.Arange(start, stop, c.number("step", 1))
}

func padCase[T eager.Tensor[T]](c call[T], x T, in []T) T {
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
	return x.Fail(eager.Errorf("pad", eager.ErrIndex, "no mode %v", c.Params["mode"]))
}

func (c call[T]) mask(x, mask T) T {
	if c.engine.mask == nil {
		return unsupported(x, "mask")
	}
	return c.engine.mask(x, mask)
}

func getCase[T eager.Tensor[T]](c call[T], x T, in []T) T {
	text, _ := c.Params["index"].(string)
	parts, tensors, ok := index(text, x, in)
	switch {
	case !ok:
		return x.Fail(fmt.Errorf("the index %q: %w", text, errUnmapped))
	case len(tensors) == 0:
		return eager.Index(x, parts...)
	case len(tensors) == 1 && tensors[0].DType() == eager.Bool:
		return c.mask(x, tensors[0])
	}
	return eager.Pick(x, tensors...)
}

func updateCase[T eager.Tensor[T]](c call[T], x T, in []T) T {
	text, value, _ := strings.Cut(fmt.Sprint(c.Params["index"]), " = ")
	values := in[len(in)-1]
	var scalar float64
	if json.Unmarshal([]byte(value), &scalar) == nil {
		values = eager.Scalar(x, scalar)
	}
	parts, tensors, ok := index(text, x, in)
	switch {
	case !ok:
		return x.Fail(fmt.Errorf("the index %q: %w", text, errUnmapped))
	case len(tensors) == 0:
		return eager.Put(x, parts, values)
	}
	return eager.PutAt(x, tensors, values)
}

// index reads an index as Python writes it, "[1:, newaxis, -1]" or "[inputs[1], [0, 2]]": parts or tensors, not both.
func index[T eager.Tensor[T]](text string, x T, in []T) (parts []eager.Part, tensors []T, ok bool) {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	for _, word := range split(text) {
		if part, ok := partOf(word); ok {
			parts = append(parts, part)
		} else if t, ok := tensorOf(word, x, in); ok {
			tensors = append(tensors, t)
		} else {
			return nil, nil, false
		}
	}
	return parts, tensors, len(parts) == 0 || len(tensors) == 0
}

// split cuts at the commas outside brackets.
func split(text string) (words []string) {
	depth, start := 0, 0
	for i, r := range text {
		switch r {
		case '[', '(':
			depth++
		case ']', ')':
			depth--
		case ',':
			if depth == 0 {
				words = append(words, strings.TrimSpace(text[start:i]))
				start = i + 1
			}
		}
	}
	return append(words, strings.TrimSpace(text[start:]))
}

func partOf(word string) (eager.Part, bool) {
	switch word {
	case "newaxis":
		return eager.NewAxis, true
	case "...":
		return eager.Ellipsis, true
	}
	if at, err := strconv.Atoi(word); err == nil {
		return eager.At(at), true
	}
	bounds := strings.Split(word, ":")
	if len(bounds) < 2 || len(bounds) > 3 {
		return eager.Part{}, false
	}
	step := 1
	if len(bounds) == 3 && bounds[2] != "" {
		step, _ = strconv.Atoi(bounds[2])
	}
	start, err := strconv.Atoi(bounds[0])
	stop, err2 := strconv.Atoi(bounds[1])
	switch {
	case err == nil && err2 == nil:
		return eager.Span(start, stop, step), true
	case bounds[0] == "" && bounds[1] == "":
		return eager.Every(step), true
	case err == nil && bounds[1] == "" && step == 1:
		return eager.From(start), true
	case err2 == nil && bounds[0] == "" && step == 1:
		return eager.To(stop), true
	}
	return eager.Part{}, false
}

// tensorOf reads a list, a range, or the k-th input, which may get a new axis.
func tensorOf[T eager.Tensor[T]](word string, x T, in []T) (T, bool) {
	var list []float64
	var k, from, to int
	if json.Unmarshal([]byte(word), &list) == nil {
		return x.FromFlat(eager.Int64, list, []int{len(list)}), true
	}
	if n, _ := fmt.Sscanf(word, "range(%d,%d)", &from, &to); n == 2 {
		return x.Arange(from, to, 1), true
	}
	if n, _ := fmt.Sscanf(word, "inputs[%d]", &k); n != 1 || k >= len(in) {
		return x, false
	}
	switch word {
	case fmt.Sprintf("inputs[%d]", k):
		return in[k], true
	case fmt.Sprintf("inputs[%d][:,newaxis]", k):
		return eager.ExpandDims(in[k], 1), true
	}
	return x, false
}

// losses maps the formulas of the golden file to functions; in holds the inputs of the case.
func losses[T eager.Tensor[T]]() map[string]func(x T, in []T) T {
	all := map[string]func(x T, in []T) T{
		"sum(x^2)":                 func(x T, in []T) T { return sum(x.Unary(eager.OpSquare)) },
		"sum(x*y) wrt x":           func(x T, in []T) T { return sum(x.Binary(eager.OpMul, in[1])) },
		"sum(clip(x,-1,1))":        func(x T, in []T) T { return sum(eager.Clip(x, -1, 1)) },
		"sum(minimum(x, 1))":       func(x T, in []T) T { return sum(x.BinaryScalar(eager.OpMinimum, 1, false)) },
		"max(x)":                   func(x T, in []T) T { return eager.Reduce(x, eager.OpMax, false) },
		"sum(max(x, axis=1))":      func(x T, in []T) T { return sum(eager.Reduce(x, eager.OpMax, false, 1)) },
		"sum(sqrt(x)) with a zero": func(x T, in []T) T { return sum(x.Unary(eager.OpSqrt)) },
		"l2 norm over all":         func(x T, in []T) T { return eager.L2(x, false) },
		"l1 norm":                  func(x T, in []T) T { return eager.L1(x, false) },
		"linf norm":                func(x T, in []T) T { return eager.LInf(x, false) },
		"sum(where(x>0, x^2, -x))": func(x T, in []T) T {
			return sum(x.Compare(eager.OpGreater, eager.Scalar(x, 0)).Where(x.Unary(eager.OpSquare), x.Unary(eager.OpNeg)))
		},
		"sum(softmax(x)^2)":               func(x T, in []T) T { return sum(eager.Softmax(x, -1).Unary(eager.OpSquare)) },
		"sum(crossentropy(x, inputs[1]))": func(x T, in []T) T { return sum(eager.CrossEntropy(x, in[1])) },
		"sum(kl_div_with_logits(x, inputs[1]))": func(x T, in []T) T {
			return sum(eager.KLDivergence(x, in[1], -1, false))
		},
		"prod(x)":               func(x T, in []T) T { return eager.Reduce(x, eager.OpProd, false) },
		"prod(x) with one zero": func(x T, in []T) T { return eager.Reduce(x, eager.OpProd, false) },
		"sum(sort(x)*[0,1,2,3])": func(x T, in []T) T {
			return sum(first(eager.Sort(x, -1)).Binary(eager.OpMul, in[1]))
		},
		"sum(topk(x,2).values)": func(x T, in []T) T { return sum(first(eager.TopK(x, 2))) },
		"sum(x[rows,cols]^2), rows=inputs[1], cols=inputs[2]": func(x T, in []T) T {
			return sum(eager.Pick(x, in[1], in[2]).Unary(eager.OpSquare))
		},
		"sum(take_along_axis(x, inputs[1], -1)^2)": func(x T, in []T) T {
			return sum(eager.TakeAlongAxis(x, in[1], -1).Unary(eager.OpSquare))
		},
		"sum(tile(x,(2,3)) * 0.5)": func(x T, in []T) T {
			return sum(eager.Tile(x, 2, 3).BinaryScalar(eager.OpMul, 0.5, false))
		},
		"sum(concatenate([x, x^2],0))": func(x T, in []T) T {
			return sum(eager.Concatenate(0, x, x.Unary(eager.OpSquare)))
		},
		"sum(flip(x,1)*inputs[1])": func(x T, in []T) T { return sum(eager.Flip(x, 1).Binary(eager.OpMul, in[1])) },
		"sum(transpose(x)[0]^2)": func(x T, in []T) T {
			return sum(eager.Index(eager.Transpose(x), eager.At(0)).Unary(eager.OpSquare))
		},
		"sum(x**x) x>0": func(x T, in []T) T { return sum(x.Binary(eager.OpPow, x)) },
		"sum((x+b)^2), b=(4,) broadcast, wrt b": func(b T, in []T) T {
			return sum(in[1].Binary(eager.OpAdd, b).Unary(eager.OpSquare))
		},
		"sum(floor(x)+ceil(x))": func(x T, in []T) T {
			return sum(x.Unary(eager.OpFloor).Binary(eager.OpAdd, x.Unary(eager.OpCeil)))
		},
		"slogdet(x).logabsdet": func(x T, in []T) T { return second(x.SlogDet()) },
		"x^2 (not a scalar)":   func(x T, in []T) T { return x.Unary(eager.OpSquare) },
		"sum(x % 1)":           func(x T, in []T) T { return sum(x.BinaryScalar(eager.OpMod, 1, false)) },
	}
	for name, op := range unaries {
		all["sum("+name+"(x))"] = func(x T, in []T) T { return sum(x.Unary(op)) }
	}
	return all
}

func sum[T eager.Tensor[T]](x T) T { return eager.Sum(x, false) }

func first[T any](a, _ T) T { return a }

func second[T any](_, b T) T { return b }
