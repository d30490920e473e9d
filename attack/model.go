package attack

import "visus/eager"

// Model is a classifier of images, as attacks ask it. What goes wrong is an error that the results carry.
type Model[T eager.Eager[T]] interface {
	Bounds() (low, high float64)                             // of images
	Logits(x T) T                                            // [n, classes] for images [n, ...]
	Gradient(loss Loss, x T, args ...T) (logits, gradient T) // of the sum of a loss over the images, in them
}

// Loss is a function of logits [n, classes], one value an image, whose gradient attacks follow.
type Loss uint8

// The losses and their arguments.
const (
	CrossEntropy Loss = iota // of labels [n]
	Margin                   // logits of labels [n] minus the largest other
	Difference               // logits of classes [n] minus those of other classes [n]
	Probability              // that softmax gives labels [n]
	Divergence               // KL(softmax(reference) || softmax(logits)) of reference logits [n, classes]
)

// Of computes the loss of each image, on any engine.
func Of[T eager.Tensor[T]](l Loss, logits T, args []T) T {
	switch l {
	case CrossEntropy:
		return eager.CrossEntropy(logits, args[0])
	case Margin:
		return eager.Sub(at(logits, args[0]), eager.Max(others(logits, args[0]), false, 1))
	case Difference:
		return eager.Sub(at(logits, args[0]), at(logits, args[1]))
	case Probability:
		return at(eager.Softmax(logits, 1), args[0])
	case Divergence:
		return eager.KLDivergence(args[0], logits, 1, false)
	}
	return logits.Fail(eager.Errorf("loss", eager.ErrUnsupported, "there is no loss %d", l))
}

// at picks one class of each row.
func at[T eager.Tensor[T]](logits, classes T) T {
	return eager.Squeeze(eager.TakeAlongAxis(logits, eager.ExpandDims(classes, 1), 1), 1)
}

// others puts -Inf at one class of each row.
func others[T eager.Tensor[T]](logits, classes T) T {
	hit := eager.Equal(eager.Arange(logits, 0, logits.Shape()[1], 1), eager.ExpandDims(classes, 1))
	return hit.Where(eager.Scalar(logits, negative), logits)
}

// negative stands for what no logit is as low as; finite, so that gradients have no NaN.
const negative = -1e30

// Function is a model on an engine with gradients.
type Function[T interface {
	eager.Eager[T]
	eager.Grad[T]
}] struct {
	Low, High float64
	F         func(x T) T // images to logits
}

// Bounds returns Low and High.
func (m Function[T]) Bounds() (low, high float64) { return m.Low, m.High }

// Logits calls F.
func (m Function[T]) Logits(x T) T { return m.F(x) }

// Gradient differentiates through F.
func (m Function[T]) Gradient(loss Loss, x T, args ...T) (logits, gradient T) {
	_, aux, gradient, err := eager.ValueAndGrad(func(x T) (T, []T) {
		logits := m.F(x)
		return eager.Sum(Of(loss, logits, args), false), []T{logits}
	}, x)
	if err != nil {
		return x.Fail(err), x.Fail(err)
	}
	return aux[0], gradient
}

// counting counts what a model is asked.
type counting[T eager.Eager[T]] struct {
	Model[T]
	Queries
}

func (c *counting[T]) Logits(x T) T {
	c.Answers += rows(x)
	return c.Model.Logits(x)
}

func (c *counting[T]) Gradient(loss Loss, x T, args ...T) (logits, gradient T) {
	c.Gradients += rows(x)
	return c.Model.Gradient(loss, x, args...)
}

func rows[T eager.Tensor[T]](x T) int {
	if shape := x.Shape(); len(shape) > 0 {
		return shape[0]
	}
	return 0
}
