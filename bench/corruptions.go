package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"time"

	"visus/internal/speed"
	"visus/stimulus/corrupt"
	"visus/stimulus/raster"
	"visus/stimulus/resample"
)

// The reference packages, in the order of the tables' columns.
const (
	original = "imagenet-c"
	port     = "imagecorruptions"
)

// pass corrupts one image at each of the five severities so many times, and returns how long all of that took.
type pass func(ctx context.Context, repeats int) (time.Duration, error)

// contest compares visus with packages on images of one size.
type contest struct {
	size       int
	parameters string
	packages   []string
	limits     speed.Limits
	block      time.Duration // one side of a round takes about so long, by repeats
}

// result is a corruption's row: seconds of a pass.
type result struct {
	name     string
	visus    speed.Sample
	packages map[string]speed.Sample // without those that cannot do it
	ratio    speed.Sample            // to the faster package
}

// corruptions times all 19 on one thread.
func (b *bench) corruptions(ctx context.Context) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	large := contest{224, "imagenet224", []string{original, port}, speed.Limits{Least: 5, Most: 51, Time: 5 * time.Second}, 30 * time.Millisecond}
	small := contest{32, "any", []string{port}, speed.Limits{Least: 5, Most: 51, Time: time.Second}, 10 * time.Millisecond}
	if b.quick {
		large.limits, small.limits = speed.Limits{Least: 1, Most: 1}, speed.Limits{Least: 1, Most: 1}
		large.block, small.block = time.Millisecond, time.Millisecond
	}
	images, files, origin, err := b.testImages(large.size, small.size)
	if err != nil {
		return err
	}
	var arguments []string
	for size, path := range files {
		arguments = append(arguments, fmt.Sprintf("%d=%s", size, path))
	}
	reference, err := startPython(ctx, b.python, "bench/corruptions.py", arguments...)
	if err != nil {
		return err
	}
	defer reference.close()

	b.page.section("Corruptions")
	b.page.text("Images a second on one thread, mean over the severities 1–5 (five images by the time of all five); %s.", origin)
	b.page.text("Packages from PyPI: imagenet-c 0.0.3, imagecorruptions 1.1.2, under %s; one thread each, compiled and warm.", strings.Join(reference.versions, ", "))
	b.page.text("JPEG is decoded on every side. Frost: imagenet-c lacks its textures. Glass blur of imagecorruptions runs with its pixel loop compiled by")
	b.page.text("numba, as its repository has it; the wheel's own loop is as slow as that of imagenet-c.\n")
	results, err := large.run(ctx, images[large.size], reference)
	if err != nil {
		return err
	}
	b.page.text("### %d×%d, parameters %s\n", large.size, large.size, large.parameters)
	b.tabulate(large, results)
	b.judge(results)
	if results, err = small.run(ctx, images[small.size], reference); err != nil {
		return err
	}
	b.page.text("### %d×%d, the any-size port's parameters\n", small.size, small.size)
	b.page.text("imagenet-c has no parameters for this size. A corruption that a package fails at is left out.\n")
	b.tabulate(small, results)
	return nil
}

// testImages returns one natural image at two sizes, in memory and as files; a made one where the golden folder is absent.
func (b *bench) testImages(large, small int) (images map[int]*raster.Image, files map[int]string, origin string, err error) {
	picture := leaves(1, large, large)
	origin = "a made image (dead leaves)"
	if path := b.goldenFile(fmt.Sprintf("corruptions/golden/source_A_%d.png", large)); path != "" {
		if picture, err = raster.ReadFile(path, raster.Options{}); err != nil {
			return nil, nil, "", err
		}
		origin = "a photograph"
	}
	images = map[int]*raster.Image{large: picture, small: resample.Resize(picture, small, small, resample.Bilinear)}
	files = map[int]string{}
	for size, m := range images {
		files[size] = fmt.Sprintf("%s/image-%d.png", b.cache, size)
		if err := m.WritePNG(files[size]); err != nil {
			return nil, nil, "", err
		}
	}
	return images, files, origin, nil
}

func (c contest) run(ctx context.Context, image *raster.Image, reference *python) ([]result, error) {
	set, ok := corrupt.ParametersByName(c.parameters)
	if !ok {
		return nil, fmt.Errorf("no parameters are named %q", c.parameters)
	}
	worker := &corrupt.Worker{Parameters: set}
	var results []result
	for _, kind := range corrupt.All {
		r, err := c.compare(ctx, kind, worker, image, reference)
		if err != nil {
			return nil, fmt.Errorf("%s at %d pixels: %w", kind.Name, c.size, err)
		}
		progress("%-18s %3d px: visus %s/s, %s times the faster package", r.name, c.size, figure(r.visus.Rate(corrupt.Severities).Median()), figure(r.ratio.Median()))
		results = append(results, r)
	}
	return results, nil
}

// compare runs one corruption on every side that can do it.
func (c contest) compare(ctx context.Context, kind corrupt.Corruption, worker *corrupt.Worker, image *raster.Image, reference *python) (result, error) {
	r := result{name: kind.Name, packages: map[string]speed.Sample{}}
	first, err := c.side(ctx, "visus", visusPass(kind, worker, image))
	if err != nil {
		return r, err
	}
	sides, names := []speed.Side{first}, []string{}
	for _, name := range c.packages {
		side, err := c.side(ctx, name, func(_ context.Context, repeats int) (time.Duration, error) {
			return reference.time(order{name, kind.Name, c.size, repeats})
		})
		if errors.As(err, new(refusal)) {
			progress("%s cannot do %s: %v", name, kind.Name, err)
			continue
		}
		if err != nil {
			return r, err
		}
		sides, names = append(sides, side), append(names, name)
	}
	samples, err := speed.Alternate(ctx, sides, c.limits)
	if err != nil {
		return r, err
	}
	r.visus = samples[0]
	best := math.Inf(1)
	for i, name := range names {
		s := samples[i+1]
		r.packages[name] = s
		if s.Median() < best {
			best, r.ratio = s.Median(), speed.Ratio(r.visus, s)
		}
	}
	return r, nil
}

// side warms a pass up and repeats it so often that a round can be timed.
func (c contest) side(ctx context.Context, name string, p pass) (speed.Side, error) {
	once := time.Duration(0)
	for range 2 { // the first compiles and fills buffers
		var err error
		if once, err = p(ctx, 1); err != nil {
			return speed.Side{}, err
		}
	}
	repeats := max(1, int(c.block/max(once, 1)))
	return speed.Side{Name: name, Run: func(ctx context.Context) (time.Duration, error) {
		took, err := p(ctx, repeats)
		return took / time.Duration(repeats), err
	}}, nil
}

// visusPass corrupts as a study does: one worker and one source, reset for every image.
func visusPass(kind corrupt.Corruption, worker *corrupt.Worker, image *raster.Image) pass {
	source := corrupt.NewSource(0)
	var out raster.Image
	shown := 0
	return func(_ context.Context, repeats int) (time.Duration, error) {
		start := time.Now()
		for range repeats {
			for severity := 1; severity <= corrupt.Severities; severity++ {
				source.Reset(corrupt.Seed(1, kind.Name, severity, shown))
				shown++
				if err := worker.Corrupt(&out, image, kind, severity, source); err != nil {
					return 0, err
				}
			}
		}
		return time.Since(start), nil
	}
}

func (b *bench) tabulate(c contest, results []result) {
	header := append(append([]string{"corruption", "visus"}, c.packages...), "ratio to the faster")
	var rows [][]string
	for _, r := range results {
		row := []string{r.name, spread(r.visus.Rate(corrupt.Severities))}
		for _, name := range c.packages {
			cell := "-"
			if s, ok := r.packages[name]; ok {
				cell = spread(s.Rate(corrupt.Severities))
			}
			row = append(row, cell)
		}
		cell := "-"
		if len(r.ratio) > 0 {
			cell = spread(r.ratio)
		}
		rows = append(rows, append(row, cell))
	}
	b.page.table(header, rows)
	mean, slowest, counted := summary(results)
	b.page.text("Geometric mean of the ratios over %d: %s. Smallest: %s, %s.\n", counted, figure(mean), slowest.name, spread(slowest.ratio))
}

// summary returns the geometric mean of the median ratios and the smallest one.
func summary(results []result) (mean float64, slowest result, counted int) {
	var ratios []float64
	for _, r := range results {
		if len(r.ratio) == 0 {
			continue
		}
		ratios = append(ratios, r.ratio.Median())
		if len(ratios) == 1 || r.ratio.Median() < slowest.ratio.Median() {
			slowest = r
		}
	}
	return speed.GeometricMean(ratios), slowest, len(ratios)
}

// The goals: how many times as fast as the faster package, in the geometric mean, and for the slowest corruption.
const (
	meanGoal  = 8
	leastGoal = 1
)

func (b *bench) judge(results []result) {
	mean, slowest, counted := summary(results)
	b.page.goal(fmt.Sprintf("corruptions, one thread, 224 px: times the faster package, geometric mean over %d", counted), figure(mean),
		fmt.Sprintf("≥ %d", meanGoal), mean >= meanGoal && counted == len(corrupt.All))
	least := slowest.ratio.Median()
	b.page.goal("corruptions: the slowest, times the faster package", figure(least)+" ("+slowest.name+")", fmt.Sprintf("≥ %d", leastGoal), least >= leastGoal)
}
