//go:build unix && cgo

package kernel

import (
	"context"
	"testing"
	"unsafe"

	"visus/tensor"
)

// numbers is n numbers of float32 in C's memory, all 1/2.
func numbers(b *testing.B, n int) unsafe.Pointer {
	at := Allocate(4 * n)
	b.Cleanup(func() { Free(at) })
	for i := range unsafe.Slice((*float32)(at), n) {
		unsafe.Slice((*float32)(at), n)[i] = 0.5
	}
	return at
}

type stepper interface {
	Step(threads int) (Step, func(), error)
}

// benchmark runs a loop or another kernel on two threads and says how much memory it reads and writes a second; bytes is that of one run.
func benchmark(b *testing.B, l stepper, bytes int) {
	step, release, err := l.Step(2)
	if err != nil {
		b.Fatal(err)
	}
	defer release()
	list := must(NewList(2, []Step{step}, 1))(b)
	defer list.Close()
	b.SetBytes(int64(bytes))
	for b.Loop() {
		if err := list.Run(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func flat(memory unsafe.Pointer) Operand {
	return Operand{Memory: memory, Type: tensor.Float32, Strides: []int{1}}
}

func stored(register int, memory unsafe.Pointer) Result {
	return Result{Register: register, Memory: memory, Type: tensor.Float32, Strides: []int{1}}
}

// BenchmarkCopy copies as many bytes as the loops below move: what memory allows.
func BenchmarkCopy(b *testing.B) {
	const n = 3 << 20
	l := Loop{Dims: []int{n}, Operands: []Operand{flat(numbers(b, n))}, Results: []Result{stored(0, numbers(b, n))}}
	benchmark(b, l, 8*n)
}

// BenchmarkNorm is max(0, x·scale + shift + y) of 2M numbers [32, 4, 1024, 16]: batch norm, residual, ReLU in blocks of 16 channels.
func BenchmarkNorm(b *testing.B) {
	dims := []int{32, 4, 1024, 16}
	const n = 32 * 4 * 1024 * 16
	all, channels := []int{1 << 16, 1 << 14, 16, 1}, []int{0, 16, 0, 1}
	operand := func(size int, strides []int) Operand {
		return Operand{Memory: numbers(b, size), Type: tensor.Float32, Strides: strides}
	}
	l := Loop{
		Dims:     dims,
		Operands: []Operand{operand(n, all), operand(n, all), operand(64, channels), operand(64, channels)},
		Code:     []Instruction{{Op: MulAdd, A: 0, B: 2, C: 3}, {Op: Add, A: 4, B: 1}, {Op: Relu, A: 5}},
		Results:  []Result{{Register: 6, Memory: numbers(b, n), Type: tensor.Float32, Strides: all}},
	}
	benchmark(b, l, 12*n)
}

// BenchmarkChannelSums adds up 2M numbers in blocks of 16 channels, and their squares.
func BenchmarkChannelSums(b *testing.B) {
	const n = 32 * 4 * 1024 * 16
	result := func(register int) Result {
		return Result{Register: register, Memory: numbers(b, 64), Type: tensor.Float32, Strides: []int{0, 16, 0, 1}, Fold: FoldSum}
	}
	l := Loop{
		Dims:     []int{32, 4, 1024, 16},
		Operands: []Operand{{Memory: numbers(b, n), Type: tensor.Float32, Strides: []int{1 << 16, 1 << 14, 16, 1}}},
		Code:     []Instruction{{Op: Mul, A: 0, B: 0}},
		Results:  []Result{result(0), result(1)},
	}
	benchmark(b, l, 4*n)
}

// BenchmarkAdam is a step of Adam on 763,000 parameters, in place.
func BenchmarkAdam(b *testing.B) {
	const n = 763000
	p, m, v := numbers(b, n), numbers(b, n), numbers(b, n)
	l := Loop{
		Dims: []int{n}, Operands: []Operand{flat(p), flat(m), flat(v), flat(numbers(b, n))},
		Code: []Instruction{
			{Op: Constant, Value: 0.9}, {Op: Constant, Value: 0.1}, {Op: Constant, Value: 0.999}, {Op: Constant, Value: 0.001}, {Op: Constant, Value: 1e-8},
			{Op: Mul, A: 3, B: 5}, {Op: MulAdd, A: 1, B: 4, C: 9}, // 10: m
			{Op: Mul, A: 3, B: 3}, {Op: Mul, A: 11, B: 7}, {Op: MulAdd, A: 2, B: 6, C: 12}, // 13: v
			{Op: Sqrt, A: 13}, {Op: Add, A: 14, B: 8}, {Op: Div, A: 10, B: 15}, {Op: Mul, A: 16, B: 7}, {Op: Sub, A: 0, B: 17}, // 18: p
		},
		Results: []Result{stored(18, p), stored(10, m), stored(13, v)},
	}
	benchmark(b, l, 28*n)
}

// BenchmarkOverlap is the last layer of SlowVAE's decoder at batch 128: 32 channels of 32×32 to one of 64×64. Bytes are those of its input.
func BenchmarkOverlap(b *testing.B) {
	o := Overlap{Samples: 128, Channels: 32, Outputs: 1, Size: [2]int{32, 32}, OutSize: [2]int{64, 64},
		Window: [2]int{4, 4}, Stride: [2]int{2, 2}, Dilation: [2]int{1, 1}, Pad: [2]int{1, 1}}
	const n = 128 * 32 * 32 * 32
	o.X, o.Weights, o.Out = numbers(b, n), numbers(b, 32*16), numbers(b, 128*64*64)
	benchmark(b, o, 4*n)
}
