package nn

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestInitialisersMoments draws many numbers and compares mean, deviation and bound.
func TestInitialisersMoments(t *testing.T) {
	shape := []int{60, 20, 5, 5} // fan_in 500, fan_out 1500
	for _, c := range []struct {
		name      string
		draw      Initialiser
		deviation float64
		bound     float64 // of uniform ones, 0 of normal ones
	}{
		{"pytorch", pytorch(), 1 / math.Sqrt(3*500), 1 / math.Sqrt(500)},
		{"kaiming uniform", KaimingUniform(0), math.Sqrt(2.0 / 500), math.Sqrt(6.0 / 500)},
		{"he", He(), math.Sqrt(2.0 / 500), 0},
		{"he out", HeOut(), math.Sqrt(2.0 / 1500), 0},
		{"xavier uniform", XavierUniform(), math.Sqrt(2.0 / 2000), math.Sqrt(6.0 / 2000)},
		{"xavier normal", XavierNormal(), math.Sqrt(2.0 / 2000), 0},
		{"normal", Normal(3), 3, 0},
		{"uniform", Uniform(2), 2 / math.Sqrt(3), 2},
	} {
		values := make([]float32, 60*20*5*5)
		c.draw(rand.New(rand.NewPCG(1, 2)), values, shape)
		n, mean, squares, largest := float64(len(values)), 0.0, 0.0, 0.0
		for _, v := range values {
			mean += float64(v) / n
			squares += float64(v) * float64(v) / n
			largest = max(largest, math.Abs(float64(v)))
		}
		deviation := math.Sqrt(squares)
		// Five standard errors: of a mean σ/√n, of a deviation at most σ/√(2n).
		if math.Abs(mean) > 5*c.deviation/math.Sqrt(n) || math.Abs(deviation-c.deviation) > 5*c.deviation/math.Sqrt(2*n) {
			t.Errorf("%s: mean %g, deviation %g; expected 0, %g", c.name, mean, deviation, c.deviation)
		}
		if c.bound != 0 && (largest > c.bound*(1+1e-6) || largest < 0.99*c.bound) {
			t.Errorf("%s: the largest is %g, expected just below %g", c.name, largest, c.bound)
		}
		if c.bound == 0 && largest < 3.5*c.deviation {
			t.Errorf("%s: the largest is %g, no normal distribution of deviation %g", c.name, largest, c.deviation)
		}
	}
}

func TestOrthogonal(t *testing.T) {
	for _, shape := range [][]int{{4, 7}, {7, 4}, {5, 5}, {3, 2, 2}, {1, 1}} {
		rows := shape[0]
		columns := 1
		for _, size := range shape[1:] {
			columns *= size
		}
		m := make([]float32, rows*columns)
		Orthogonal(2)(rand.New(rand.NewPCG(3, 4)), m, shape)
		at := func(k, i int) float64 { // element i of vector k
			if rows > columns {
				return float64(m[i*columns+k])
			}
			return float64(m[k*columns+i])
		}
		for a := range min(rows, columns) {
			for b := range a + 1 {
				product, want := 0.0, 0.0
				for i := range max(rows, columns) {
					product += at(a, i) * at(b, i)
				}
				if a == b {
					want = 4
				}
				if math.Abs(product-want) > 1e-5 {
					t.Errorf("%v: vectors %d and %d have the product %g, expected %g", shape, a, b, product, want)
				}
			}
		}
	}
}
