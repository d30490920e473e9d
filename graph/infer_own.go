package graph

import (
	"fmt"
	"slices"
)

// OwnDomain is the domain of visus's own operators.
const OwnDomain = "visus"

// ownRules are the shape rules of visus's own operators, which graph/grad writes and graph/lower describes and turns into ONNX's.
var ownRules = map[string]rule{
	"StopGradient": inferSame, "StraightThrough": inferSame, "ClipGradientNorm": inferSame, "RedirectedRelu": inferSame, "CustomGradient": inferSame,
	"Recompute": inferSame, "After": inferSame,
	"ConvGradInput": inferConvGradInput, "ConvGradWeight": inferConvGradWeight,
	"MaxPoolGrad": inferSame, "AveragePoolGrad": inferAveragePoolGrad,
	"ResizeGrad": inferResizeGrad, "GridSampleGrad": inferGridSampleGrad, "BatchNormGrad": inferBatchNormGrad,
}

// inferConvGradInput: dy [N,O,...] and weights [O,C/group,...] give [N,C,shape...].
func inferConvGradInput(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	dy, weights, spatial := c.arg(0).shape, c.arg(1).shape, c.Ints("shape")
	if dy == nil || weights == nil {
		return nil
	}
	if len(dy) < 3 || len(weights) != len(dy) || len(spatial) != len(dy)-2 {
		return fmt.Errorf("gradient %v, weights %v and shape %v; expected [N,O,...], [O,C/group,...] and as many spatial sizes", dy, weights, spatial)
	}
	channels := times(weights[1], Dim{Size: int(c.Int("group", 1))})
	c.set(0, c.arg(0).kind, slices.Concat([]Dim{dy[0], channels}, Dims(toSizes(spatial)...)))
	return nil
}

// inferConvGradWeight: x [N,C,...] and dy [N,O,...] give [O,C/group,kernel_shape...].
func inferConvGradWeight(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	x, dy, kernel, group := c.arg(0).shape, c.arg(1).shape, c.Ints("kernel_shape"), int(c.Int("group", 1))
	if x == nil || dy == nil {
		return nil
	}
	if len(x) < 3 || len(dy) != len(x) || len(kernel) != len(x)-2 || group < 1 {
		return fmt.Errorf("input %v, gradient %v and kernel_shape %v; expected [N,C,...], [N,O,...] and as many spatial sizes", x, dy, kernel)
	}
	each := through(x[1], func(channels int) int { return channels / group })
	c.set(0, c.arg(0).kind, slices.Concat([]Dim{dy[1], each}, Dims(toSizes(kernel)...)))
	return nil
}

// inferAveragePoolGrad: dy [N,C,...] gives [N,C,shape...].
func inferAveragePoolGrad(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	dy, spatial := c.arg(0).shape, c.Ints("shape")
	if dy == nil {
		return nil
	}
	if len(dy) < 3 || len(spatial) != len(dy)-2 {
		return fmt.Errorf("gradient %v and shape %v; expected [N,C,...] and as many spatial sizes", dy, spatial)
	}
	c.set(0, c.arg(0).kind, slices.Concat(dy[:2], Dims(toSizes(spatial)...)))
	return nil
}

// inferResizeGrad gives the shape of Resize's input.
func inferResizeGrad(c *call) error {
	c.set(0, c.arg(0).kind, Dims(toSizes(c.Ints("shape"))...))
	return nil
}

// inferGridSampleGrad gives the gradients of x and grid.
func inferGridSampleGrad(c *call) error {
	c.set(0, c.arg(0).kind, c.arg(0).shape)
	c.set(1, c.arg(1).kind, c.arg(1).shape)
	return nil
}

// inferBatchNormGrad gives the gradients of x, scale and bias.
func inferBatchNormGrad(c *call) error {
	c.set(0, c.arg(0).kind, c.arg(0).shape)
	c.set(1, c.arg(1).kind, c.arg(1).shape)
	c.set(2, c.arg(1).kind, c.arg(1).shape)
	return nil
}
