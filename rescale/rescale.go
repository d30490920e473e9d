// Package rescale finds the factor by which a perturbation has to be multiplied so that it has a wanted length after the perturbed image has
// been clipped to its domain (Rauber & Bethge, arXiv 2007.07677).
//
// With the room s_i = b - x_i where delta_i >= 0 and x_i - a elsewhere, |clip(x_i + eta delta_i) - x_i| = min(eta |delta_i|, s_i). So the
// p-norm^p of what is left of the perturbation, F(t) = sum_i u_i min(|delta_i|^p t, s_i^p) with t = eta^p and weights u_i, is concave,
// piecewise linear and grows until every element is clipped. On the piece where it meets eps^p, with the clipped elements S and the free
// ones U,
//
//	eta^p = (eps^p - sum_S u_i s_i^p) / sum_U u_i |delta_i|^p
//
// and all there is to do is to find S: by Newton's method, which takes a pass over the elements for each of its few steps, and, where it
// takes many, by selection among the elements that are left.
//
// EtaRows and PerturbRows work on plain slices; Eta and Perturb on the tensors of package eager, with gradients.
package rescale

import (
	"fmt"
	"math"
	"runtime"
	"sync"
)

// Options says what length is and where images live. The zero value is the Euclidean length and the domain [0, 1].
type Options struct {
	P         float64 // the norm, above 0, or +Inf; 0 means 2. Below 1 it is no norm, but well defined
	Low, High float64 // the domain; both 0 means [0, 1]; infinite bounds never clip
	// Lows and Highs, where given, are the domain of each element of an image: equal ones freeze it.
	Lows, Highs []float64
	Weights     []float64 // of each element of an image, at least 0; nil means 1. Not for P = +Inf
	Mean        bool      // eps is in units of one element: the root mean square where P is 2
	Clip        bool      // images outside their domain are clipped first; otherwise they are an error
	Shrink      bool      // the factor is at most 1: the projection along the ray onto the ball within the domain
	AtMost      bool      // the length that PerturbRows rounds to does not exceed eps
}

// Report is what became of one image's perturbation.
type Report struct {
	Eta     float64 // the factor
	Norm    float64 // the length after clipping, of the values as they are stored
	Largest float64 // the largest length that clipping leaves room for
	Reached bool    // whether eps is reached, up to rounding; Shrink reaches what is shorter already
	Clipped float64 // the share of elements that are clipped
}

type number interface{ ~float32 | ~float64 }

// EtaRows writes, for each row of x and delta [rows, n], the smallest factor at which clip(x + eta delta) - x has the length eps, or, where
// that cannot be reached, the smallest at which it has the largest length. eps has one element, or one for each row; rows is len(eta).
// It reports an error, naming row and element, for values that are not finite, images outside their domain and lengths below 0.
func EtaRows[E number](eta []float64, x, delta []E, eps []float64, o Options) error {
	b, err := prepare(eta, x, delta, eps, o)
	if err != nil {
		return err
	}
	return b.each(func(w *workspace, row int) error {
		s, err := b.solve(w, row)
		eta[row] = s.eta
		return err
	})
}

// PerturbRows writes clip(x + eta delta) into v, which may be x or delta, and says for each of rows what became of it.
func PerturbRows[E number](v, x, delta []E, eps []float64, rows int, o Options) ([]Report, error) {
	eta := make([]float64, rows)
	b, err := prepare(eta, x, delta, eps, o)
	if err != nil {
		return nil, err
	}
	if len(v) != len(x) {
		return nil, fmt.Errorf("rescale: expected %d elements for the result, found %d", len(x), len(v))
	}
	reports := make([]Report, rows)
	return reports, b.each(func(w *workspace, row int) error {
		s, err := b.solve(w, row)
		if err == nil {
			reports[row] = b.apply(v, row, s)
		}
		return err
	})
}

// batch is one call: rows of n elements.
type batch[E number] struct {
	x, delta []E
	eps      []float64
	rows, n  int
	o        Options
}

func prepare[E number](eta []float64, x, delta []E, eps []float64, o Options) (*batch[E], error) {
	rows := len(eta)
	if o.P == 0 {
		o.P = 2
	}
	if o.Low == 0 && o.High == 0 {
		o.High = 1
	}
	switch {
	case rows == 0 || len(x) != len(delta) || len(x)%rows != 0:
		return nil, fmt.Errorf("rescale: expected rows of one size, found %d elements and %d of a perturbation in %d rows", len(x), len(delta), rows)
	case len(eps) != 1 && len(eps) != rows:
		return nil, fmt.Errorf("rescale: expected one length or %d, found %d", rows, len(eps))
	case !(o.P > 0):
		return nil, fmt.Errorf("rescale: p is %v; expected a number above 0", o.P)
	case !(o.Low < o.High):
		return nil, fmt.Errorf("rescale: the domain is [%v, %v]; expected a lower bound below the upper one", o.Low, o.High)
	}
	b := &batch[E]{x: x, delta: delta, eps: eps, rows: rows, n: len(x) / rows, o: o}
	return b, b.check()
}

// check looks at what is given for each element.
func (b *batch[E]) check() error {
	for name, list := range map[string][]float64{"lower bounds": b.o.Lows, "upper bounds": b.o.Highs, "weights": b.o.Weights} {
		if list != nil && len(list) != b.n {
			return fmt.Errorf("rescale: expected %d %s, found %d", b.n, name, len(list))
		}
	}
	if (b.o.Lows == nil) != (b.o.Highs == nil) {
		return fmt.Errorf("rescale: expected lower and upper bounds of the elements, found one of them")
	}
	for i := range b.o.Lows {
		if !(b.o.Lows[i] <= b.o.Highs[i]) {
			return fmt.Errorf("rescale: element %d has the domain [%v, %v]; expected a lower bound below the upper one", i, b.o.Lows[i], b.o.Highs[i])
		}
	}
	for i, u := range b.o.Weights {
		if !(u >= 0) || math.IsInf(u, 1) {
			return fmt.Errorf("rescale: the weight of element %d is %v; expected 0 or more", i, u)
		}
		if math.IsInf(b.o.P, 1) {
			return fmt.Errorf("rescale: the largest element has no weights; expected none for p = +Inf")
		}
	}
	for row, eps := range b.eps {
		if !(eps >= 0) || math.IsInf(eps, 1) {
			return fmt.Errorf("rescale: sample %d: the length is %v; expected 0 or more", row, eps)
		}
	}
	return nil
}

// length is the eps of a row, as a norm.
func (b *batch[E]) length(row int) float64 {
	eps := b.eps[min(row, len(b.eps)-1)]
	if !b.o.Mean || math.IsInf(b.o.P, 1) {
		return eps
	}
	total := float64(b.n)
	if b.o.Weights != nil {
		total = 0
		for _, u := range b.o.Weights {
			total += u
		}
	}
	return eps * math.Pow(total, 1/b.o.P)
}

// bounds is the domain of an element.
func (b *batch[E]) bounds(i int) (low, high float64) {
	if b.o.Lows != nil {
		return b.o.Lows[i], b.o.Highs[i]
	}
	return b.o.Low, b.o.High
}

func (b *batch[E]) row(values []E, row int) []E { return values[row*b.n : (row+1)*b.n] }

// each runs f for every row, on all cores. The error is that of the first row with one.
func (b *batch[E]) each(f func(w *workspace, row int) error) error {
	workers := min(runtime.GOMAXPROCS(0), b.rows, 1+b.rows*b.n>>14)
	if workers == 1 {
		w := workspaces.Get().(*workspace)
		defer workspaces.Put(w)
		for row := range b.rows {
			if err := f(w, row); err != nil {
				return err
			}
		}
		return nil
	}
	errs := make([]error, workers)
	var done sync.WaitGroup
	for worker := range workers {
		done.Go(func() {
			w := workspaces.Get().(*workspace)
			defer workspaces.Put(w)
			for row := worker * b.rows / workers; row < (worker+1)*b.rows/workers && errs[worker] == nil; row++ {
				errs[worker] = f(w, row)
			}
		})
	}
	done.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// workspace is what solving a row needs; none is allocated once there are as many as workers.
type workspace struct {
	elements []element
	visits   int // elements that selection has looked at, for tests
}

var workspaces = sync.Pool{New: func() any { return &workspace{} }}
