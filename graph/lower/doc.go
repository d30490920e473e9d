// Package lower turns visus's own operators into ordinary ONNX.
//
// graph/grad writes gradients with operators of the domain "visus" where ONNX has none, and marks where gradients are shaped. An engine may have
// kernels for them; for the others, and for files that other programs read, Lower replaces each by ONNX's operators (opset 17 and later).
//
// The operators, with inputs and attributes as ONNX names them. Pads are explicit (all begins, then all ends), group and dilations are 1 where
// left out, dy is the gradient of the forward operator's output y, and sums go over all windows that the forward operator has.
//
//	ConvGradInput(dy [N,O,...], W [O,C/group,...]) -> dx [N,C,shape...]
//	    strides, pads, dilations, group; shape: the spatial sizes of x, from which pads at the end follow
//	    dx[n,c,i] = Σ dy[n,o,j]·W[o,c,k] over o, j, k with j·stride + k·dilation − pad = i
//	ConvGradWeight(x [N,C,...], dy [N,O,...]) -> dW [O,C/group,kernel_shape...]
//	    strides, pads, dilations, group, kernel_shape
//	    dW[o,c,k] = Σ dy[n,o,j]·x[n,c,j·stride + k·dilation − pad] over n, j
//	MaxPoolGrad(x [N,C,...], dy) -> dx
//	    kernel_shape, strides, pads, dilations, ceil_mode
//	    dx[i] = Σ dy[j] over the windows j whose first maximum is x[i]
//	AveragePoolGrad(dy [N,C,...]) -> dx [N,C,shape...]
//	    kernel_shape, strides, pads, dilations, ceil_mode, count_include_pad; shape: the spatial sizes of x
//	    dx[i] = Σ dy[j] / (entries that window j averages) over the windows j that cover i
//	ResizeGrad(dy) -> dx
//	    shape: that of x; scales: one factor an axis; roi: starts, then ends, for tf_crop_and_resize; the other attributes as Resize has them
//	    dx = Aᵀ·dy along each axis, where Resize is y = A·x
//	GridSampleGrad(x [N,C,...], grid [N,...,axes], dy [N,C,...]) -> dx, dgrid
//	    mode ("bilinear" or "linear", "nearest"), padding_mode, align_corners; dgrid is 0 where clipping holds a place at the border
//	BatchNormGrad(x [N,C,...], scale [C], dy) -> dx, dscale, dbias
//	    epsilon; x̂ = (x − mean) / √(variance + epsilon) with the batch's own mean and variance, over the m entries of a channel
//	    dbias = Σ dy, dscale = Σ dy·x̂, dx = scale/√(variance + epsilon)·(dy − dbias/m − x̂·dscale/m)
//
// StopGradient(x), StraightThrough(x, f), ClipGradientNorm(x), RedirectedRelu(x, on) and CustomGradient(y, x...) shape gradients (graph/grad
// says how). In the forward direction, which is all that is left of them after differentiation, they are x, f, x, x clipped to 0...max, and y.
// Recompute(x) and After(x, other) are x: they say what a gradient computes again instead of keeping it, and not before what.
package lower
