package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"visus/engine"
	"visus/engine/ort"
	"visus/graph"
	"visus/internal/progress"
	"visus/internal/speed"
	"visus/observer"
	"visus/stimulus/raster"
	"visus/study/corruption"
	"visus/study/session"
	"visus/tensor"
)

type benchCommand struct {
	Inference benchInferenceCommand `cmd:"" help:"Images a second through visus and through ONNX Runtime alone, in turns; one JSON line."`
	Step      benchStepCommand      `cmd:"" help:"Seconds of a step of training, of a gradient or of inference, and its memory; one JSON line."`
}

type benchInferenceCommand struct {
	Model   string  `arg:"" help:"An ONNX model." type:"path"`
	Batch   int     `default:"16" help:"Images in one run."`
	Images  string  `help:"Files to examine: decoding and resizing are then part of what visus does; default: images in memory." type:"path"`
	Size    int     `default:"224" help:"Input size for models that take any."`
	Threads int     `help:"Threads of the engine, on both sides; default: all cores."`
	Seconds float64 `default:"10" help:"Start no further pair after so long; there are three at least."`
}

// Help adds examples to --help.
func (benchInferenceCommand) Help() string {
	return `Examples:

  # what preprocessing and reading answers cost beside the model
  visus bench inference model.onnx --batch 8

  # and what files cost: the clean pass of an examination, without its report
  visus bench inference model.onnx --batch 32 --images photos/`
}

// inferenceSpeed is the command's result.
type inferenceSpeed struct {
	Model       string     `json:"model"`
	Batch       int        `json:"batch"`
	Visus       float64    `json:"visus_images_per_second"` // median of the rounds, as is the next
	ONNXRuntime float64    `json:"onnxruntime_images_per_second"`
	Ratio       float64    `json:"ratio"`       // visus by ONNX Runtime, median of the pairs
	RatioRange  [2]float64 `json:"ratio_range"` // of the pairs
	Pairs       int        `json:"pairs"`
	Images      int        `json:"images"` // of one side of a pair
	Threads     int        `json:"threads"`
	Engine      string     `json:"engine"`
}

// Run measures and prints one JSON line.
func (c *benchInferenceCommand) Run(ctx context.Context, t terminal) error {
	if c.Batch < 1 || c.Size < 1 || c.Threads < 0 || !(c.Seconds >= 0) {
		return usageError{errors.New("--batch and --size must be 1 or more, --threads and --seconds not negative")}
	}
	if c.Threads == 0 {
		c.Threads = runtime.GOMAXPROCS(0)
	}
	result, err := c.measure(ctx)
	if err != nil {
		return err
	}
	line, err := json.Marshal(result)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.Out, string(line))
	return err
}

func (c *benchInferenceCommand) measure(ctx context.Context) (inferenceSpeed, error) {
	none := inferenceSpeed{}
	ort, err := ort.Open(ort.Options{})
	if err != nil {
		return none, err
	}
	model, err := observer.Open(ctx, ort, c.Model, observer.Options{Preprocessing: "imagenet", Size: c.Size, Batch: c.Batch, Threads: c.Threads})
	if err != nil {
		return none, err
	}
	defer model.Close()
	batch := model.Batch() // the model may fix it
	bare, err := openBare(ctx, ort, c.Model, model.Output, batch, c.Size, c.Threads)
	if err != nil {
		return none, err
	}
	defer bare.program.Close()

	var through speed.Side
	var images int
	if c.Images == "" {
		through, images, err = c.inMemory(ctx, model)
	} else {
		through, images, err = c.fromFiles(ctx, ort)
	}
	if err != nil {
		return none, err
	}
	if err := bare.run(ctx, min(images, 2*batch)); err != nil { // warm
		return none, err
	}
	alone := speed.Side{Name: "ONNX Runtime alone", Run: speed.Timed(func(ctx context.Context) error { return bare.run(ctx, images) })}
	samples, err := speed.Alternate(ctx, []speed.Side{through, alone}, speed.Limits{Time: time.Duration(c.Seconds * float64(time.Second))})
	if err != nil {
		return none, err
	}
	ratio := speed.Ratio(samples[0], samples[1])
	return inferenceSpeed{
		Model: filepath.Base(c.Model), Batch: batch, Visus: round(samples[0].Rate(images).Median()), ONNXRuntime: round(samples[1].Rate(images).Median()),
		Ratio: round(ratio.Median()), RatioRange: [2]float64{round(ratio.Least()), round(ratio.Most())},
		Pairs: len(ratio), Images: images, Threads: c.Threads, Engine: ort.Name(),
	}, nil
}

// round keeps four digits.
func round(v float64) float64 {
	short, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	return short
}

// inMemory shows images of 8 bits that are already at the model's size. One side of a pair takes about a quarter of a second, whole batches.
func (c *benchInferenceCommand) inMemory(ctx context.Context, model *observer.Model) (speed.Side, int, error) {
	width, height := model.Geometry().Width, model.Geometry().Height
	if width == 0 || height == 0 {
		width, height = c.Size, c.Size
	}
	random := rand.New(rand.NewPCG(1, 1))
	shown := make([]*raster.Image, model.Batch())
	for i := range shown {
		shown[i] = raster.New(width, height)
		for k := range shown[i].Pix {
			shown[i].Pix[k] = uint8(random.Uint32())
		}
	}
	answer := func(ctx context.Context) error {
		_, err := model.Answer(ctx, shown)
		return err
	}
	if err := answer(ctx); err != nil {
		return speed.Side{}, 0, err
	}
	once, err := speed.Timed(answer)(ctx)
	batches := max(1, int(time.Second/4/max(once, 1)))
	return speed.Side{Name: "visus", Run: speed.Timed(func(ctx context.Context) error {
		for range batches {
			if err := answer(ctx); err != nil {
				return err
			}
		}
		return nil
	})}, batches * len(shown), err
}

// fromFiles examines the files under the clean condition alone. What comes before and after the images are shown is left out of the time:
// compiling, deciding on the preprocessing, the report.
func (c *benchInferenceCommand) fromFiles(ctx context.Context, e engine.Engine) (speed.Side, int, error) {
	meter := &stopwatch{Meter: progress.Silent()}
	study := corruption.Study{Engine: e, Progress: meter, Options: corruption.Options{Options: session.Options{
		Models: []string{c.Model}, Images: c.Images, Corruptions: []string{session.Clean},
		Preprocessing: "imagenet", Size: c.Size, Batch: c.Batch, Threads: c.Threads,
	}}}
	examine := func(ctx context.Context) (time.Duration, error) {
		out, err := os.MkdirTemp("", "visus-bench-")
		if err != nil {
			return 0, err
		}
		defer os.RemoveAll(out)
		shown, stop := context.WithCancel(ctx)
		defer stop()
		meter.stop = stop
		_, err = study.Run(shown, out)
		if ctx.Err() == nil && shown.Err() != nil && errors.Is(err, session.ErrInterrupted) {
			err = nil // all was shown, and then the stopwatch interrupted it
		}
		return meter.took, err
	}
	_, err := examine(ctx) // counts the images, and warms the disk's cache
	return speed.Side{Name: "visus", Run: examine}, meter.trials, err
}

// stopwatch times the part of a study that shows stimuli, and stops it there.
type stopwatch struct {
	progress.Meter
	stop   context.CancelFunc
	trials int
	start  time.Time
	took   time.Duration
}

func (s *stopwatch) Begin(_ string, _, total int) { s.start, s.trials = time.Now(), total }

func (s *stopwatch) End() {
	s.took = time.Since(s.start)
	s.stop()
}

// bareModel is a model in ONNX Runtime with nothing around it: tensors that are ready, and room for the output.
type bareModel struct {
	program engine.Program
	batch   int
	size    int
	inputs  map[int][]*tensor.Tensor // by images in a run
	outputs map[int][]*tensor.Tensor
}

func openBare(ctx context.Context, e engine.Engine, path, output string, batch, size, threads int) (*bareModel, error) {
	g, err := graph.Load(path)
	if err != nil {
		return nil, err
	}
	program, err := e.Compile(ctx, g, engine.Options{Threads: threads, Outputs: []string{output}})
	return &bareModel{program, batch, size, map[int][]*tensor.Tensor{}, map[int][]*tensor.Tensor{}}, err
}

// run runs the model on as many images, in batches of which the last may be smaller, as visus does.
func (b *bareModel) run(ctx context.Context, images int) error {
	for images > 0 {
		n := min(b.batch, images)
		if b.inputs[n] == nil {
			b.inputs[n], b.outputs[n] = []*tensor.Tensor{b.ready(n)}, make([]*tensor.Tensor, 1)
		}
		if err := b.program.Run(ctx, b.inputs[n], b.outputs[n]); err != nil {
			return err
		}
		images -= n
	}
	return nil
}

// ready returns a batch of n images; the model's own batch where it fixes one.
func (b *bareModel) ready(n int) *tensor.Tensor {
	in := b.program.Inputs()[0]
	shape := make([]int, len(in.Shape))
	for i, d := range in.Shape {
		switch {
		case d.Fixed():
			shape[i] = d.Size
		case i == 0:
			shape[i] = n
		default:
			shape[i] = b.size
		}
	}
	t := tensor.New(in.Type, shape...)
	if in.Type == tensor.Float32 { // numbers as of pictures rather than zeros
		random := rand.New(rand.NewPCG(2, 2))
		values := tensor.Values[float32](t)
		for i := range values {
			values[i] = float32(random.NormFloat64())
		}
	}
	return t
}
