package rescaling

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"visus/internal/atomicfile"
	"visus/observer"
	"visus/report"
	"visus/stimulus"
	"visus/stimulus/raster"
	"visus/study/corruption"
	"visus/study/session"
	"visus/tensor"
)

// block is how many images are perturbed and answered together.
const block = 32

// pictures is a run over images.
type pictures struct {
	*run
	*session.Session
	source stimulus.Source
	files  []string // of each image of the set, below a length's folder; nil: none are written
}

// shown is an image in its versions: as it is, and for each length naively and exactly noisy, rounded to 8 bits.
type shown struct {
	clean        *raster.Image
	naive, exact []*raster.Image
	rows         []Row
}

func (r *run) images(ctx context.Context) (*Findings, error) {
	o := &r.Options
	if len(o.Eps) == 0 {
		o.Eps, o.Mean = DefaultEps, true
	}
	if o.P == 0 {
		o.P = 2
	}
	if o.Gallery == 0 {
		o.Gallery = 8
	}
	o.High, o.Corruptions = 1, []string{session.Clean}
	s, err := session.Open(o.Options, r.note)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	x := &pictures{run: r, Session: s, source: s.Conditions[0].Source}
	if s.Conditions[0].Severity > 0 {
		return nil, fmt.Errorf("rescaling: %s is corrupted already", o.Images)
	}
	if len(o.Models) > 0 && s.Data.Labels < s.Data.Stimuli {
		return nil, fmt.Errorf("rescaling: %d of %d images of %s have no label; a model's answers are counted as right or wrong",
			s.Data.Stimuli-s.Data.Labels, s.Data.Stimuli, o.Images)
	}
	if err := x.open(ctx); err != nil {
		return nil, err
	}
	rows, err := x.show(ctx)
	if err != nil {
		return nil, err
	}
	return r.conclude(rows, func() (*report.Browser, error) { return x.gallery(ctx, rows) })
}

func (x *pictures) open(ctx context.Context) error {
	slices.Sort(x.Stimuli)
	for _, eps := range x.Options.Eps {
		x.levels = append(x.levels, level(eps))
	}
	if x.Options.Format != "none" {
		x.files = corruption.FileNames(x.source, x.Options.Format)
	}
	before, err := x.begin(x.Data, x.Decided)
	if err != nil {
		return err
	}
	if len(x.Options.Models) > 0 {
		if err := x.OpenModels(ctx, x.Engine, block, before); err != nil {
			return err
		}
		x.config.Models, x.config.Warnings = x.Decided, x.Warnings
	}
	return x.keep()
}

// show perturbs the images that samples.csv does not hold yet, and returns all its rows.
func (x *pictures) show(ctx context.Context) ([]Row, error) {
	rows, end, err := readRows(x.path(SamplesFile), len(x.levels))
	if err != nil {
		return nil, err
	}
	done := map[string]bool{}
	for _, r := range rows {
		done[r.Sample] = true
	}
	left := slices.DeleteFunc(slices.Clone(x.Stimuli), func(i int) bool { return done[x.source.Item(i).ID] })
	j, err := openJournal(x.path(SamplesFile), end)
	if err != nil {
		return nil, err
	}
	defer j.close()
	x.Progress.Begin("rescaling", len(x.Stimuli)-len(left), len(x.Stimuli))
	defer x.Progress.End()
	for part := range slices.Chunk(left, block) {
		made, err := x.perturb(ctx, part)
		if err == nil && len(x.Models) > 0 {
			err = x.answer(ctx, made)
		}
		if err != nil {
			return nil, err
		}
		for _, m := range made {
			if err := j.add(m.rows); err != nil {
				return nil, err
			}
			rows = append(rows, m.rows...)
		}
		x.Progress.Add(len(part))
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("rescaling: no image of %s can be read: %s", x.Options.Images, x.lost[0])
	}
	return rows, j.close()
}

// perturb makes the versions of some images and writes them. Those that cannot be read are left out.
func (x *pictures) perturb(ctx context.Context, stimuli []int) ([]*shown, error) {
	made, lost := make([]*shown, len(stimuli)), make([]string, len(stimuli))
	makers := make([]maker, x.Options.WorkerCount())
	err := session.Parallel(ctx, len(makers), len(stimuli), func(worker, k int) error {
		image, err := x.image(stimuli[k])
		if err != nil {
			lost[k] = err.Error()
			return nil
		}
		made[k], err = x.versions(&makers[worker], image, stimuli[k], x.files != nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, reason := range lost {
		if reason != "" {
			x.lost = append(x.lost, reason)
			x.note("skipped: %s", reason)
		}
	}
	return slices.DeleteFunc(made, func(m *shown) bool { return m == nil }), nil
}

// image loads an image, at the size of the model where there is one.
func (x *pictures) image(i int) (*raster.Image, error) {
	image, err := x.source.Image(i)
	if err != nil || len(x.Models) == 0 {
		return image, err
	}
	return x.Views[0].Fit(image), nil
}

// maker is the memory of a worker.
type maker struct{ x, delta, naive, exact []float32 }

// versions scales the direction of an image to all lengths; what came out exactly is saved where that is wanted.
func (x *pictures) versions(m *maker, image *raster.Image, stimulus int, save bool) (*shown, error) {
	n := len(image.Pix)
	for _, buffer := range []*[]float32{&m.x, &m.delta, &m.naive, &m.exact} {
		*buffer = slices.Grow((*buffer)[:0], n)[:n]
	}
	for i, v := range image.Pix {
		m.x[i] = float32(v) / 255
	}
	draw(m.delta, x.Options, stimulus)
	item, s := x.source.Item(stimulus), &shown{clean: image}
	factors, err := naiveFactors(m.x, m.delta, 1, x.Options.rescale())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", item.ID, err)
	}
	for k, eps := range x.Options.Eps {
		out, err := compare(m.exact, m.naive, m.x, m.delta, []float64{eps}, factors, x.Options.rescale())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", item.ID, err)
		}
		exact := rounded(m.exact, image)
		row := out[0].row(item.ID, item.Category, eps, unit(n, x.Options))
		row.Stored = distance(exact, image, x.Options.P) / unit(n, x.Options)
		s.rows, s.exact, s.naive = append(s.rows, row), append(s.exact, exact), append(s.naive, rounded(m.naive, image))
		if save {
			if err := x.save(x.levels[k], stimulus, exact, m.exact); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// rounded is an image of values in [0, 1].
func rounded(values []float32, like *raster.Image) *raster.Image {
	m := raster.New(like.Width, like.Height)
	for i, v := range values {
		m.Pix[i] = uint8(v*255 + 0.5)
	}
	return m
}

// distance is the length of the difference of two images of one size, in units of their range.
func distance(a, b *raster.Image, p float64) float64 {
	var counts [256]int
	for i, v := range a.Pix {
		counts[max(v, b.Pix[i])-min(v, b.Pix[i])]++
	}
	total, largest := 0.0, 0.0
	for d, n := range counts {
		if n > 0 {
			total, largest = total+float64(n)*math.Pow(float64(d)/255, p), float64(d)/255
		}
	}
	if math.IsInf(p, 1) {
		return largest
	}
	return math.Pow(total, 1/p)
}

// save writes an exactly perturbed image, rounded as PNG or as it is as an NPY file [height, width, 3].
func (x *pictures) save(level string, stimulus int, rounded *raster.Image, values []float32) error {
	file := x.path(imagesFolder, level, x.files[stimulus])
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	if x.Options.Format == "png" {
		return rounded.WritePNG(file)
	}
	array, err := tensor.Of(values, rounded.Height, rounded.Width, 3)
	if err != nil {
		return err
	}
	return atomicfile.Write(file, func(w io.Writer) error { return tensor.WriteNPY(w, array) })
}

// answer lets the model answer all versions.
func (x *pictures) answer(ctx context.Context, made []*shown) error {
	var images []*raster.Image
	for _, m := range made {
		images = append(append(append(images, m.clean), m.naive...), m.exact...)
	}
	answers, err := x.Models[0].Answer(ctx, images)
	if err != nil {
		return err
	}
	classes := x.Models[0].Classes
	for _, m := range made {
		levels := len(m.rows)
		truth, known := x.Choices[0].Truth[m.rows[0].Category]
		if !known {
			return fmt.Errorf("rescaling: %s: the label %q of %s is no class of the model", x.Models[0].Name(), m.rows[0].Category, m.rows[0].Sample)
		}
		for k := range m.rows {
			row := &m.rows[k]
			row.Category = classes.Name(truth)
			for place, a := range []observer.Answer{asItIs: answers[0], naively: answers[1+k], exactly: answers[1+levels+k]} {
				class := a.Top(1)[0]
				row.Answers[place] = Answer{classes.Name(class), class == truth}
			}
		}
		answers = answers[1+2*levels:]
	}
	return nil
}
