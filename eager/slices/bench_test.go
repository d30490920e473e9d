package slices

import (
	"testing"

	"visus/eager"
)

// BenchmarkImage goes over 224 by 224 pixels of three colours.
func BenchmarkImage(b *testing.B) {
	const n = 3 * 224 * 224
	x, y, out := Wrap(make([]float32, n), n), Wrap(make([]float32, n), n), Wrap(make([]float32, n), n)
	for i, v := range values[float32](x) {
		values[float32](x)[i], values[float32](y)[i] = v+float32(i%7)-3, float32(i%5)+1
	}
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	ten, mask := Wrap(make([]float32, 10), 10), eager.Less(x, y)
	run("scale 10", func() error { return eager.MulScalar(ten, 2).Err() })
	run("less 10", func() error { return eager.LessScalar(ten, 2).Err() })
	run("add into", func() error { return BinaryInto(out, eager.OpAdd, x, y) })
	for name, f := range map[string]func() *Tensor{
		"add": func() *Tensor { return eager.Add(x, y) }, "scale": func() *Tensor { return eager.MulScalar(x, 2) },
		"divide": func() *Tensor { return eager.Div(x, y) }, "maximum": func() *Tensor { return eager.Maximum(x, y) },
		"abs": func() *Tensor { return eager.Abs(x) }, "sign": func() *Tensor { return eager.Sign(x) }, "exp": func() *Tensor { return eager.Exp(x) },
		"less": func() *Tensor { return eager.Less(x, y) }, "less than 1": func() *Tensor { return eager.LessScalar(x, 1) },
		"where": func() *Tensor { return eager.Where(mask, x, y) }, "where 0": func() *Tensor { return eager.Where(mask, x, eager.Scalar(x, 0)) },
		"rows": func() *Tensor { return eager.Max(eager.Reshape(x, -1, 224), false, -1) },
		"clip": func() *Tensor { return eager.Clip(x, -1, 1) },
		"sum":  func() *Tensor { return eager.Sum(x, false) }, "max": func() *Tensor { return eager.Max(x, false) },
		"l2": func() *Tensor { return eager.L2(x, false) }, "sort": func() *Tensor { sorted, _ := eager.Sort(x, 0); return sorted },
	} {
		run(name, func() error { return f().Err() })
	}
}
