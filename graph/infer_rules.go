package graph

import (
	"slices"

	"visus/tensor"
)

// ruleOf returns the shape rule of an ONNX operator, nil where it has none.
func ruleOf(op string) rule {
	switch op { // not in the tables: these rules go through graphs, which reads the tables
	case "If":
		return inferIf
	case "Loop":
		return inferLoop
	case "Scan":
		return inferScan
	}
	for _, table := range []map[string]rule{elementRules, layoutRules, windowRules, matrixRules} {
		if r := table[op]; r != nil {
			return r
		}
	}
	if slices.Contains(sameAsInput, op) {
		return inferSame
	}
	return nil
}

// sameAsInput lists the operators whose output has the first input's type and shape.
var sameAsInput = []string{
	"Relu", "LeakyRelu", "PRelu", "ThresholdedRelu", "Elu", "Celu", "Selu", "Gelu", "Mish", "Swish", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh",
	"Softplus", "Softsign", "Softmax", "LogSoftmax", "Hardmax", "Shrink", "Exp", "Log", "Sqrt", "Reciprocal", "Abs", "Neg", "Sign", "Floor", "Ceil",
	"Round", "Erf", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Tanh", "Asinh", "Acosh", "Atanh", "Not", "BitwiseNot", "Identity", "Clip",
	"CumSum", "InstanceNormalization", "GroupNormalization", "LRN", "LpNormalization", "MeanVarianceNormalization", "RMSNormalization", "Trilu",
	"ScatterElements", "ScatterND", "Scatter", "ReverseSequence", "Bernoulli", "RandomNormalLike", "RandomUniformLike", "EyeLike", "RotaryEmbedding",
}

func inferSame(c *call) error {
	kind := c.arg(0).kind
	if to := c.Int("dtype", 0); to != 0 {
		kind = typeOf(int32(to))
	}
	c.set(0, kind, c.arg(0).shape)
	return nil
}

var elementRules = map[string]rule{
	"Add": inferBroadcast, "Sub": inferBroadcast, "Mul": inferBroadcast, "Div": inferBroadcast, "Mod": inferBroadcast, "Pow": inferBroadcast,
	"Min": inferBroadcast, "Max": inferBroadcast, "Sum": inferBroadcast, "Mean": inferBroadcast, "BitShift": inferBroadcast,
	"BitwiseAnd": inferBroadcast, "BitwiseOr": inferBroadcast, "BitwiseXor": inferBroadcast,
	"Equal": inferCompare, "Less": inferCompare, "Greater": inferCompare, "LessOrEqual": inferCompare, "GreaterOrEqual": inferCompare,
	"And": inferCompare, "Or": inferCompare, "Xor": inferCompare, "IsNaN": inferCompare, "IsInf": inferIsInf,
	"Where": inferWhere, "Cast": inferCast, "CastLike": inferCastLike, "Dropout": inferDropout,
	"BatchNormalization": inferBatchNorm, "LayerNormalization": inferLayerNorm,
	"QuantizeLinear": inferQuantize, "DequantizeLinear": inferDequantize, "DynamicQuantizeLinear": inferDynamicQuantize,
}

func (c *call) shapes() [][]Dim {
	out := make([][]Dim, len(c.facts))
	for i, f := range c.facts {
		out[i] = f.shape
	}
	return out
}

func inferBroadcast(c *call) error {
	shape, err := broadcastDims(c.shapes()...)
	c.set(0, c.arg(0).kind, shape)
	return err
}

func inferCompare(c *call) error {
	shape, err := broadcastDims(c.shapes()...)
	c.set(0, tensor.Bool, shape)
	return err
}

func inferIsInf(c *call) error {
	c.set(0, tensor.Bool, c.arg(0).shape)
	return nil
}

func inferWhere(c *call) error {
	shape, err := broadcastDims(c.shapes()...)
	c.set(0, c.arg(1).kind, shape)
	return err
}

func inferCast(c *call) error {
	c.set(0, typeOf(int32(c.Int("to", 0))), c.arg(0).shape)
	return nil
}

func inferCastLike(c *call) error {
	c.set(0, c.arg(1).kind, c.arg(0).shape)
	return nil
}

func inferDropout(c *call) error {
	c.set(0, c.arg(0).kind, c.arg(0).shape)
	c.set(1, tensor.Bool, c.arg(0).shape)
	return nil
}

// inferBatchNorm: the further outputs, in training, are statistics of one number a channel.
func inferBatchNorm(c *call) error {
	c.set(0, c.arg(0).kind, c.arg(0).shape)
	for i := 1; i < len(c.out); i++ {
		c.set(i, c.arg(3).kind, c.arg(3).shape)
	}
	return nil
}

// inferLayerNorm: mean and inverse deviation keep the normalised axes with size 1.
func inferLayerNorm(c *call) error {
	c.set(0, c.arg(0).kind, c.arg(0).shape)
	rank, ok := c.arg(0).rank()
	axis, legal := axisOf(c.Int("axis", -1), rank)
	if !ok || !legal {
		return nil
	}
	shape := slices.Clone(c.arg(0).shape)
	for i := axis; i < rank; i++ {
		shape[i] = Dim{Size: 1}
	}
	c.set(1, tensor.Float32, shape)
	c.set(2, tensor.Float32, shape)
	return nil
}

func inferQuantize(c *call) error {
	kind := tensor.Uint8
	if c.Input(2) != "" {
		kind = c.arg(2).kind
	} else if to := c.Int("output_dtype", 0); to != 0 {
		kind = typeOf(int32(to))
	}
	c.set(0, kind, c.arg(0).shape)
	return nil
}

func inferDequantize(c *call) error {
	c.set(0, c.arg(1).kind, c.arg(0).shape)
	return nil
}

func inferDynamicQuantize(c *call) error {
	c.set(0, tensor.Uint8, c.arg(0).shape)
	c.set(1, tensor.Float32, []Dim{})
	c.set(2, tensor.Uint8, []Dim{})
	return nil
}
