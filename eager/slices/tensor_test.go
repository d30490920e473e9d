package slices

import (
	"errors"
	"testing"

	"visus/eager"
	"visus/tensor"
)

// The engine has what the constraints ask for.
var (
	_ eager.Eager[*Tensor]                  = (*Tensor)(nil)
	_ eager.Grad[*Tensor]                   = (*Tensor)(nil)
	_ eager.Native[*Tensor, *tensor.Tensor] = (*Tensor)(nil)
)

func TestErrorsStick(t *testing.T) {
	x, y := Wrap([]float32{1, 2, 3}, 3), Wrap([]float32{1, 2}, 2)
	bad := x.Binary(eager.OpAdd, y)
	later := eager.L2(eager.Softmax(bad, 0).Binary(eager.OpMul, x), false)
	_, err := later.Item()
	const want = "eager: add: expected shapes that broadcast, found [3] and [2]"
	if !errors.Is(err, eager.ErrShape) || err.Error() != want {
		t.Errorf("expected %q, found %v", want, err)
	}
}

func TestErrorKinds(t *testing.T) {
	x := Wrap([]float32{1, 2, 3, 4}, 2, 2)
	ints := Wrap([]int64{0, 2}, 2)
	cases := map[string]struct {
		got  *Tensor
		kind error
	}{
		"shape of Wrap":          {Wrap([]float32{1}, 2), eager.ErrShape},
		"float32 with float64":   {x.Binary(eager.OpAdd, x.Cast(eager.Float64)), eager.ErrDType},
		"division of integers":   {ints.Binary(eager.OpDiv, ints), eager.ErrDType},
		"division by integer 0":  {ints.BinaryScalar(eager.OpMod, 0, false), eager.ErrEngine},
		"half for integers":      {ints.BinaryScalar(eager.OpAdd, 0.5, false), eager.ErrDType},
		"mean of integers":       {eager.Mean(ints, false), eager.ErrDType},
		"axis out of range":      {eager.Reduce(x, eager.OpSum, false, 2), eager.ErrAxis},
		"axis twice":             {eager.Reduce(x, eager.OpSum, false, 0, -2), eager.ErrAxis},
		"position out of range":  {eager.Pick(x, ints), eager.ErrIndex},
		"second position":        {eager.Pick(x, Wrap([]int64{0}, 1), Wrap([]int64{-3}, 1)), eager.ErrIndex},
		"float labels":           {eager.CrossEntropy(x, Wrap([]float32{0, 1}, 2)), eager.ErrDType},
		"label beyond classes":   {eager.CrossEntropy(x, ints), eager.ErrIndex},
		"negative label":         {eager.CrossEntropy(x, Wrap([]int64{0, -1}, 2)), eager.ErrIndex},
		"maximum of nothing":     {eager.Reduce(Wrap([]float32{}, 0), eager.OpMax, false), eager.ErrShape},
		"inverse of singular":    {Wrap([]float64{1, 2, 2, 4}, 2, 2).Inverse(), eager.ErrEngine},
		"reflection of the axis": {eager.PadReflect(x, [2]int{2, 0}, [2]int{}), eager.ErrShape},
	}
	for name, c := range cases {
		if !errors.Is(c.got.Err(), c.kind) {
			t.Errorf("%s: expected an error of kind %v, found %v", name, c.kind, c.got.Err())
		}
	}
}

func TestIntoAllocatesNothing(t *testing.T) {
	const n = 150_528 // 3·224·224
	x, y, out := Wrap(make([]float32, n), n), Wrap(make([]float32, n), n), Wrap(make([]float32, n), n)
	values[float32](x)[n-1], values[float32](y)[n-1] = 2, 3
	allocated := testing.AllocsPerRun(10, func() {
		if err := BinaryInto(out, eager.OpAdd, x, y); err != nil {
			t.Fatal(err)
		}
	})
	if allocated != 0 || values[float32](out)[n-1] != 5 {
		t.Errorf("expected 5 without allocation, found %v and %v allocations", values[float32](out)[n-1], allocated)
	}
	if err := BinaryInto(out, eager.OpAdd, x, y.Cast(eager.Float64)); !errors.Is(err, eager.ErrShape) {
		t.Errorf("expected an error of kind shape, found %v", err)
	}
}

func TestSumsAreKeptInFloat64(t *testing.T) {
	x := (&Tensor{}).Full(eager.Float32, 0.1, []int{1 << 22})
	got, _ := sum(x).Item()
	if want := float64(float32(float64(float32(0.1)) * (1 << 22))); got != want {
		t.Errorf("expected %v, found %v", want, got)
	}
}

func genericAdd[T eager.Tensor[T]](x, y T) T { return x.Binary(eager.OpAdd, y) }

func BenchmarkAddOneElement(b *testing.B) {
	x := Wrap([]float32{1}, 1)
	b.Run("direct", func(b *testing.B) {
		for b.Loop() {
			x.Binary(eager.OpAdd, x)
		}
	})
	b.Run("generic", func(b *testing.B) {
		for b.Loop() {
			genericAdd(x, x)
		}
	})
}

func BenchmarkAdd150528(b *testing.B) {
	x, out := Wrap(make([]float32, 150_528), 150_528), Wrap(make([]float32, 150_528), 150_528)
	b.ReportAllocs()
	for b.Loop() {
		if err := BinaryInto(out, eager.OpAdd, x, x); err != nil {
			b.Fatal(err)
		}
	}
}
