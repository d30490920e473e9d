package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"visus/internal/atomicfile"
	"visus/internal/speed"
	"visus/rescale"
	"visus/tensor"
)

// The goals for the factors of a batch: by the processor time of the fastest of the others, and alone.
const (
	rescaleGoal     = 0.1
	rescaleTimeGoal = 5 // ms
)

// The batch of the published comparison: Gaussian directions on uniform images of the size that ImageNet's networks take.
const (
	rescaleRows     = 16
	rescaleElements = 3 * 224 * 224
	rescaleCalls    = 10 // in a turn of ours
)

// directions is a batch.
type directions struct {
	x, delta []float32
	eps      float64
}

func newDirections() directions {
	random := rand.New(rand.NewPCG(7, 0))
	d := directions{make([]float32, rescaleRows*rescaleElements), make([]float32, rescaleRows*rescaleElements), 0.13 * math.Sqrt(rescaleElements)}
	for i := range d.x {
		d.x[i], d.delta[i] = random.Float32(), float32(random.NormFloat64())
	}
	return d
}

// factors is one way to find the factors of the batch, and what it found.
type factors struct {
	name    string
	seconds func(ctx context.Context) (time.Duration, error) // processor time, of all threads together
	eta     *[]float64
}

// rescale compares the processor time of clipping-aware rescaling with that of the reference's algorithm and of bisection.
func (b *bench) rescale(ctx context.Context) error {
	d := newDirections()
	file, err := b.kept("rescale.npz", d.write)
	if err != nil {
		return err
	}
	eta := make([]float64, rescaleRows)
	ways := []factors{{"visus", func(context.Context) (time.Duration, error) {
		return rescaleCPU(func() error { return rescale.EtaRows(eta, d.x, d.delta, []float64{d.eps}, rescale.Options{}) })
	}, &eta}}
	for _, library := range []struct{ name, interpreter string }{{"NumPy", b.python}, {"PyTorch", b.torch}} {
		p, err := startPython(ctx, library.interpreter, "bench/rescale.py", strings.TrimPrefix(strings.ToLower(library.name), "py"), file)
		if err != nil {
			return err
		}
		defer p.close()
		version := p.versions[len(p.versions)-1]
		ways = append(ways, p.factors("sort", "sort, "+version), p.factors("bisection", "30 steps of bisection, "+version))
	}
	limits := speed.Limits{Least: 9, Most: 9}
	if b.quick {
		limits = speed.Limits{Least: 1, Most: 1}
	}
	samples, err := raceFactors(ctx, ways, limits)
	if err != nil {
		return err
	}
	v := make([]float32, len(d.x))
	images, err := speed.Alternate(ctx, []speed.Side{{Name: "images", Run: func(context.Context) (time.Duration, error) {
		return rescaleCPU(func() error {
			_, err := rescale.PerturbRows(v, d.x, d.delta, []float64{d.eps}, rescaleRows, rescale.Options{})
			return err
		})
	}}}, limits)
	if err != nil {
		return err
	}
	b.rescalePage(ways, samples, images[0])
	return nil
}

// raceFactors lets all ways take turns, after one call of each whose factors have to agree.
func raceFactors(ctx context.Context, ways []factors, limits speed.Limits) ([]speed.Sample, error) {
	sides := make([]speed.Side, len(ways))
	for i, w := range ways {
		if _, err := w.seconds(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		if err := sameFactors(w, ways[0]); err != nil {
			return nil, err
		}
		sides[i] = speed.Side{Name: w.name, Run: w.seconds}
	}
	return speed.Alternate(ctx, sides, limits)
}

// factorsTolerance is what sums of float32 may do to a factor.
const factorsTolerance = 1e-4

func sameFactors(a, b factors) error {
	if len(*a.eta) != len(*b.eta) {
		return fmt.Errorf("%s found %d factors, %s %d", a.name, len(*a.eta), b.name, len(*b.eta))
	}
	for i, eta := range *a.eta {
		if !(math.Abs(eta-(*b.eta)[i]) <= factorsTolerance*eta) {
			return fmt.Errorf("sample %d: %s found the factor %g, %s %g: that is different work", i, a.name, eta, b.name, (*b.eta)[i])
		}
	}
	return nil
}

func (b *bench) rescalePage(ways []factors, samples []speed.Sample, images speed.Sample) {
	rows, fastest := make([][]string, len(ways)), 1
	for i, w := range ways {
		ratio := ""
		if i > 0 {
			ratio = spread(speed.Ratio(samples[i], samples[0]))
		}
		rows[i] = []string{w.name, spread(milliseconds(samples[i])), ratio, strconv.Itoa(len(samples[i]))}
		if i > 0 && samples[i].Median() < samples[fastest].Median() {
			fastest = i
		}
		progress("%s: %s ms", w.name, spread(milliseconds(samples[i])))
	}
	b.page.section("Rescaling")
	b.page.text("Milliseconds of processor time, of all threads together, for the factors by which %d Gaussian directions on uniform images of",
		rescaleRows)
	b.page.text("%d numbers (float32) are multiplied so that they have the length 0.13·√n after clipping. All find the same factors. Sort: the",
		rescaleElements)
	b.page.text("algorithm of the reference (foolbox 3.3's copy), written from its description. Ratio: visus by the other. PyTorch has one thread,")
	b.page.text("since threads that wait for each other would count.\n")
	b.page.table([]string{"what", "ms", "ratio", "rounds"}, rows)
	b.page.text("visus with the perturbed images and the report on each: %s ms.\n", spread(milliseconds(images)))
	ratio := speed.Ratio(samples[fastest], samples[0]).Median()
	b.page.goal("rescaling, processor time by that of "+ways[fastest].name, figure(ratio), fmt.Sprintf("≤ %g", rescaleGoal), ratio <= rescaleGoal)
	time := milliseconds(samples[0]).Median()
	b.page.goal("rescaling, processor time", figure(time)+" ms", fmt.Sprintf("≤ %d ms", rescaleTimeGoal), time <= rescaleTimeGoal)
}

// rescaleCPU is the processor time of one of several calls.
func rescaleCPU(call func() error) (time.Duration, error) {
	before, err := processTime()
	if err != nil {
		return 0, err
	}
	for range rescaleCalls {
		if err := call(); err != nil {
			return 0, err
		}
	}
	after, err := processTime()
	return (after - before) / rescaleCalls, err
}

// factors is a way of the script bench/rescale.py.
func (p *python) factors(way, name string) factors {
	eta := new([]float64)
	return factors{name, func(context.Context) (time.Duration, error) {
		var answer struct {
			Seconds float64
			Eta     []float64
		}
		err := p.ask(way, &answer)
		*eta = answer.Eta
		return duration(answer.Seconds), err
	}, eta}
}

// write writes the batch as an NPZ file.
func (d directions) write(path string) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		x, err := tensor.Of(d.x, rescaleRows, rescaleElements)
		if err != nil {
			return err
		}
		delta, err := tensor.Of(d.delta, rescaleRows, rescaleElements)
		if err != nil {
			return err
		}
		eps, err := tensor.Of([]float64{d.eps})
		if err != nil {
			return err
		}
		return tensor.WriteNPZ(w, tensor.Named{Name: "x", Array: x}, tensor.Named{Name: "delta", Array: delta}, tensor.Named{Name: "eps", Array: eps})
	})
}
