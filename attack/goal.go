package attack

import "visus/eager"

// Goal is what counts as success, for each image.
type Goal[T eager.Eager[T]] interface {
	// Reached returns a mask [n]: whether images x, to which the model answers logits [n, classes], are what is sought.
	Reached(x, logits T) T
	// Take is the goal of the images with these indices, which may repeat.
	Take(index T) Goal[T]
}

// Misclassified is reached where the answer is not the label.
type Misclassified[T eager.Eager[T]] struct{ Labels T } // Int64 [n]

// Reached compares answers with labels.
func (g Misclassified[T]) Reached(_, logits T) T {
	return eager.NotEqual(eager.ArgMax(logits, 1), g.Labels)
}

// Take selects labels.
func (g Misclassified[T]) Take(index T) Goal[T] { return Misclassified[T]{g.Labels.Gather(0, index)} }

// Targeted is reached where the answer is the target.
type Targeted[T eager.Eager[T]] struct{ Targets T } // Int64 [n]

// Reached compares answers with targets.
func (g Targeted[T]) Reached(_, logits T) T { return eager.Equal(eager.ArgMax(logits, 1), g.Targets) }

// Take selects targets.
func (g Targeted[T]) Take(index T) Goal[T] { return Targeted[T]{g.Targets.Gather(0, index)} }

// Both is reached where two goals are.
type Both[T eager.Eager[T]] struct{ A, B Goal[T] }

// Reached asks both.
func (g Both[T]) Reached(x, logits T) T {
	return eager.And(g.A.Reached(x, logits), g.B.Reached(x, logits))
}

// Take selects in both.
func (g Both[T]) Take(index T) Goal[T] { return Both[T]{g.A.Take(index), g.B.Take(index)} }

// aim is what gradients follow: the classes of a goal, and whether their loss is to rise (1) or to fall (-1).
func aim[T eager.Eager[T]](x T, goal Goal[T]) (classes T, sign float64, err error) {
	switch g := goal.(type) {
	case Misclassified[T]:
		return g.Labels, 1, nil
	case Targeted[T]:
		return g.Targets, -1, nil
	}
	return x, 0, eager.Errorf("attack", eager.ErrUnsupported, "gradients need Misclassified or Targeted, found the goal %T", goal)
}
