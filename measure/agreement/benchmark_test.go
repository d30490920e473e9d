package agreement

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"visus/measure/bootstrap"
)

// random returns observers who are right on about two thirds of the stimuli.
func random(observers, stimuli int, seed uint64) []Answers {
	r := rand.New(rand.NewPCG(seed, 0))
	all := make([]Answers, observers)
	for i := range all {
		all[i] = collect(stimuli, func(int) bool { return r.IntN(3) > 0 })
	}
	return all
}

// 52 models and ten people on 1,280 images are the largest data set of the field.
func BenchmarkMatrix(b *testing.B) {
	for _, n := range []int{10, 62} {
		observers := random(n, 1280, 1)
		b.Run(fmt.Sprintf("observers=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := NewMatrix(observers); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkResample(b *testing.B) {
	for _, n := range []int{10, 62} {
		observers := random(n, 1280, 1)
		b.Run(fmt.Sprintf("observers=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Resample(observers, rand.New(rand.NewPCG(1, 0)), bootstrap.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("observers=%d/intervals", n), func(b *testing.B) {
			for b.Loop() {
				r, err := Resample(observers, rand.New(rand.NewPCG(1, 0)), bootstrap.Options{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.Intervals(Pair.ErrorConsistency, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkIndependence(b *testing.B) {
	for b.Loop() {
		if _, err := Independence(0.7, 0.8, 1280, rand.New(rand.NewPCG(1, 0)), bootstrap.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
