package eager

// Lift1 turns a function of tensors into one of the engine's own data: wrap makes a tensor of it, Raw hands the result out.
func Lift1[T Native[T, R], R any](wrap func(R) T, f func(T) T) func(R) (R, error) {
	return func(x R) (R, error) { return f(wrap(x)).Raw() }
}

// Lift2 is Lift1 for functions of two tensors.
func Lift2[T Native[T, R], R any](wrap func(R) T, f func(x, y T) T) func(x, y R) (R, error) {
	return func(x, y R) (R, error) { return f(wrap(x), wrap(y)).Raw() }
}

// Tree is a structure that holds tensors, such as a struct or a list of parameters; Self is its own type.
type Tree[T, Self any] interface {
	Leaves() []T                // in a fixed order
	WithLeaves(leaves []T) Self // the same structure around other leaves, as many; a zero Self has to do that too
}

// LiftTree is Lift1 for a function from one structure of tensors to another: A around native data becomes B around native data, where f
// maps X to Y around tensors. A and B are named at the call, the rest is inferred:
//
//	eager.LiftTree[Params[*mat.Dense], Params[*mat.Dense]](gonumeng.Wrap, Normalise[*gonumeng.Tensor])
//
// The first error of a leaf is the error of the whole.
func LiftTree[A Tree[R, A], B Tree[R, B], X Tree[T, X], Y Tree[T, Y], T Native[T, R], R any](wrap func(R) T, f func(X) Y) func(A) (B, error) {
	return func(in A) (out B, err error) {
		var x X
		leaves := []T{}
		for _, raw := range in.Leaves() {
			leaves = append(leaves, wrap(raw))
		}
		raws := []R{}
		for _, leaf := range f(x.WithLeaves(leaves)).Leaves() {
			raw, err := leaf.Raw()
			if err != nil {
				return out, err
			}
			raws = append(raws, raw)
		}
		return out.WithLeaves(raws), nil
	}
}
