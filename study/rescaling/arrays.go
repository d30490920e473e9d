package rescaling

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"visus/internal/atomicfile"
	"visus/rescale"
	"visus/study/result"
	"visus/study/session"
	"visus/tensor"
)

// given is the level of lengths that the arrays' file holds, one for each sample.
const given = "as-given"

// input are the arrays of a file.
type input struct {
	x, delta *tensor.Tensor // delta is nil where the noise is drawn
	eps      []float64      // one, or one for each sample; nil: not there
	p, a, b  float64        // 0 where they are not there
}

// readInput reads an NPZ file with x and perhaps delta, eps, p, a and b, or an NPY file of x.
func readInput(path string) (in input, err error) {
	if strings.EqualFold(filepath.Ext(path), ".npy") {
		in.x, err = tensor.ReadFile(path)
		if err != nil {
			return in, err
		}
		return in, in.check(path)
	}
	archive, err := tensor.OpenNPZ(path)
	if err != nil {
		return in, err
	}
	defer archive.Close()
	if !archive.Has("x") {
		return in, fmt.Errorf("rescaling: %s has the arrays %v; expected x [n, ...], and delta of its shape or none", path, archive.Names())
	}
	read := func(name string) *tensor.Tensor {
		if err != nil || !archive.Has(name) {
			return nil
		}
		var t *tensor.Tensor
		t, err = archive.Read(name)
		return t
	}
	in.x, in.delta = read("x"), read("delta")
	if eps := read("eps"); eps != nil {
		in.eps = eps.Floats()
	}
	for name, to := range map[string]*float64{"p": &in.p, "a": &in.a, "b": &in.b} {
		t := read(name)
		if t != nil && t.Len() != 1 {
			return in, fmt.Errorf("rescaling: %s: %s has the shape %v; expected a single number", path, name, t.Shape())
		}
		if t != nil {
			*to = t.Floats()[0]
		}
	}
	if err != nil {
		return in, err
	}
	return in, in.check(path)
}

func (in input) check(path string) error {
	if kind := in.x.Type(); kind != tensor.Float32 && kind != tensor.Float64 || len(in.x.Shape()) < 2 || in.x.Len() == 0 {
		return fmt.Errorf("rescaling: %s: x is %v %v; expected float32 or float64 [n, ...] with elements", path, kind, in.x.Shape())
	}
	if in.delta != nil && (in.delta.Type() != in.x.Type() || fmt.Sprint(in.delta.Shape()) != fmt.Sprint(in.x.Shape())) {
		return fmt.Errorf("rescaling: %s: delta is %v %v, x %v %v; expected the same", path,
			in.delta.Type(), in.delta.Shape(), in.x.Type(), in.x.Shape())
	}
	return nil
}

// usual fills in what options leave to the file.
func (o Options) usual(in input) Options {
	if o.P == 0 {
		o.P = in.p
	}
	if o.P == 0 {
		o.P = 2
	}
	if o.Low == 0 && o.High == 0 {
		o.Low, o.High = in.a, in.b
	}
	if o.Low == 0 && o.High == 0 {
		o.High = 1
	}
	if len(o.Eps) == 0 && len(in.eps) == 0 {
		o.Mean = true
		for _, eps := range DefaultEps {
			o.Eps = append(o.Eps, eps*(o.High-o.Low))
		}
	}
	return o
}

// arrays perturbs the samples of a file.
func (r *run) arrays(ctx context.Context) (*Findings, error) {
	in, err := readInput(r.Options.Arrays)
	if err != nil {
		return nil, err
	}
	sum, err := result.Sum(r.Options.Arrays)
	if err != nil {
		return nil, err
	}
	o := r.Options.usual(in)
	r.Options, r.given = o, in.delta != nil
	kind := strings.TrimPrefix(strings.ToLower(filepath.Ext(o.Arrays)), ".")
	if _, err := r.begin(session.DataConfig{Kind: kind, Stimuli: in.x.Shape()[0], SHA256: sum}, nil); err != nil {
		return nil, err
	}
	for _, eps := range o.Eps {
		r.levels = append(r.levels, level(eps))
	}
	lengths := make([][]float64, len(o.Eps))
	for i, eps := range o.Eps {
		lengths[i] = []float64{eps}
	}
	if len(o.Eps) == 0 {
		r.levels, lengths = []string{given}, [][]float64{in.eps}
	}
	var rows []Row
	if in.x.Type() == tensor.Float32 {
		rows, err = perturbArrays[float32](ctx, r, in, lengths)
	} else {
		rows, err = perturbArrays[float64](ctx, r, in, lengths)
	}
	if err != nil {
		return nil, err
	}
	return r.conclude(rows, nil)
}

// perturbArrays perturbs whole arrays, one length after the other, writes what came out, and returns the rows sample by sample.
func perturbArrays[E float32 | float64](ctx context.Context, r *run, in input, lengths [][]float64) ([]Row, error) {
	x, samples := tensor.Values[E](in.x), in.x.Shape()[0]
	n := len(x) / samples
	delta := make([]E, len(x))
	for i := range samples {
		draw(delta[i*n:(i+1)*n], r.Options, i)
	}
	if in.delta != nil {
		delta = tensor.Values[E](in.delta)
	}
	factors, err := naiveFactors(x, delta, samples, r.Options.rescale())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Options.Arrays, err)
	}
	naive, exact, outcomes := make([]E, len(x)), make([]E, len(x)), make([][]outcome, len(lengths))
	for k, eps := range lengths {
		err := ctx.Err()
		if err != nil {
			return nil, err
		}
		if outcomes[k], err = compare(exact, naive, x, delta, eps, factors, r.Options.rescale()); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Options.Arrays, err)
		}
		if k == 0 { // nothing is written before it is known that arrays and options fit
			if err := r.keep(); err != nil {
				return nil, err
			}
		}
		if err := saveArrays(r, r.levels[k], exact, in.x.Shape(), outcomes[k]); err != nil {
			return nil, err
		}
	}
	var rows []Row
	for i := range samples {
		for k, eps := range lengths {
			rows = append(rows, outcomes[k][i].row(strconv.Itoa(i), "", eps[min(i, len(eps)-1)], unit(n, r.Options)))
		}
	}
	j, err := openJournal(r.path(SamplesFile), 0)
	if err != nil {
		return nil, err
	}
	return rows, errors.Join(j.add(rows), j.close())
}

// saveArrays writes what came out for a length: v, of the shape of x, and for each sample eta, norm, largest, reached and clipped.
func saveArrays[E float32 | float64](r *run, level string, v []E, shape []int, outcomes []outcome) error {
	if r.Options.Format == "none" {
		return nil
	}
	images, err := tensor.Of(v, shape...)
	if err != nil {
		return err
	}
	arrays := []tensor.Named{{Name: "v", Array: images}}
	reached := make([]bool, len(outcomes))
	for i, o := range outcomes {
		reached[i] = o.exact.Reached
	}
	flags, err := tensor.Of(reached, len(reached))
	if err != nil {
		return err
	}
	for _, field := range []struct {
		name string
		of   func(rescale.Report) float64
	}{
		{"eta", func(r rescale.Report) float64 { return r.Eta }}, {"norm", func(r rescale.Report) float64 { return r.Norm }},
		{"largest", func(r rescale.Report) float64 { return r.Largest }}, {"clipped", func(r rescale.Report) float64 { return r.Clipped }},
	} {
		values := make([]float64, len(outcomes))
		for i, o := range outcomes {
			values[i] = field.of(o.exact)
		}
		array, err := tensor.Of(values, len(values))
		if err != nil {
			return err
		}
		arrays = append(arrays, tensor.Named{Name: field.name, Array: array})
	}
	arrays = append(arrays, tensor.Named{Name: "reached", Array: flags})
	if err := os.MkdirAll(r.path(imagesFolder), 0o777); err != nil {
		return err
	}
	return atomicfile.Write(r.path(imagesFolder, level+".npz"), func(w io.Writer) error { return tensor.WriteNPZ(w, arrays...) })
}
