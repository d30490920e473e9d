package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"visus/engine"
	"visus/engine/ort"
	"visus/graph"
	"visus/internal/speed"
	"visus/tensor"
)

// inferenceGoal is the share of ONNX Runtime's own speed that visus has to keep.
const inferenceGoal = 0.95

// rates is what `visus bench inference` prints.
type rates struct {
	Batch       int
	Visus       float64 `json:"visus_images_per_second"`
	ONNXRuntime float64 `json:"onnxruntime_images_per_second"`
	Ratio       float64
	Range       [2]float64 `json:"ratio_range"`
	Pairs       int
	Images      int
	Threads     int
	Engine      string
}

// inference compares whole pipelines with ONNX Runtime alone, and measures what one Run costs beside its operators.
func (b *bench) inference(ctx context.Context) error {
	model, err := b.kept("resnet50.onnx", saveResNet50)
	if err != nil {
		return err
	}
	count, seconds := 500, 60
	if b.quick {
		count, seconds = 32, 0
	}
	folder, origin, err := b.photos(count)
	if err != nil {
		return err
	}
	files, err := b.rates(ctx, model, 16, seconds, "--images", folder) // the batch of visus examine
	if err != nil {
		return err
	}
	var rows [][]string
	row := func(what string, r rates) {
		rows = append(rows, []string{what, fmt.Sprint(r.Batch), figure(r.Visus), figure(r.ONNXRuntime),
			fmt.Sprintf("%s (%s–%s)", figure(r.Ratio), figure(r.Range[0]), figure(r.Range[1])), fmt.Sprint(r.Pairs)})
		b.page.goal("inference of ResNet-50, "+what+", batch "+fmt.Sprint(r.Batch)+": share of ONNX Runtime alone", figure(r.Ratio),
			fmt.Sprintf("≥ %g", inferenceGoal), r.Ratio >= inferenceGoal)
	}
	row(fmt.Sprintf("%d JPEG files", files.Images), files)
	for _, batch := range []int{1, 8, 32} {
		r, err := b.rates(ctx, model, batch, seconds/4)
		if err != nil {
			return err
		}
		row("images in memory", r)
	}
	b.page.section("Inference")
	b.page.text("Images a second of a model as large as ResNet-50 with drawn weights, %s, %d threads on both sides.", files.Engine, files.Threads)
	b.page.text("Files: the clean pass of `visus examine` over %s; reading, decoding, resizing, preprocessing, running, and writing the", origin)
	b.page.text("trials. In memory: images of 8 bits become answers. ONNX Runtime alone: the model over a float tensor that is ready.\n")
	b.page.table([]string{"what", "batch", "visus", "ONNX Runtime alone", "ratio", "pairs"}, rows)
	return b.overhead(ctx)
}

// rates runs `visus bench inference`.
func (b *bench) rates(ctx context.Context, model string, batch, seconds int, more ...string) (rates, error) {
	arguments := append([]string{"bench", "inference", model, "--batch", strconv.Itoa(batch), "--seconds", strconv.Itoa(seconds)}, more...)
	command := exec.CommandContext(ctx, b.visus, arguments...)
	command.Stderr = os.Stderr
	line, err := command.Output()
	if err != nil {
		return rates{}, fmt.Errorf("visus %v: %w", arguments, err)
	}
	var r rates
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("visus %v printed %q: %w", arguments, line, err)
	}
	progress("batch %d: visus %s/s, ONNX Runtime alone %s/s, ratio %s", r.Batch, figure(r.Visus), figure(r.ONNXRuntime), figure(r.Ratio))
	return r, nil
}

// photos fills a folder with JPEG files: copies of photographs where the golden folder has them, else pictures of the usual size.
func (b *bench) photos(count int) (folder, origin string, err error) {
	natural, err := filepath.Glob(filepath.Join(b.golden, "corruptions", "imagenet", "*.jpg"))
	if err != nil {
		return "", "", err
	}
	origin = fmt.Sprintf("%d photographs, short side 256, repeated to %d files", len(natural), count)
	name := fmt.Sprintf("photographs-%d", count)
	if len(natural) == 0 {
		origin, name = fmt.Sprintf("%d made pictures of 500×375", count), fmt.Sprintf("pictures-%d", count)
	}
	folder, err = b.kept(name, func(path string) error {
		making := path + ".part"
		if err := os.MkdirAll(making, 0o777); err != nil {
			return err
		}
		for i := range count {
			if err := photo(natural, i, filepath.Join(making, fmt.Sprintf("%05d.jpg", i))); err != nil {
				return err
			}
		}
		return os.Rename(making, path)
	})
	return folder, origin, err
}

func photo(natural []string, i int, to string) error {
	if len(natural) == 0 {
		return leaves(uint64(i), 500, 375).WriteJPEG(to, 90)
	}
	data, err := os.ReadFile(natural[i%len(natural)])
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o666)
}

// overheadGoal is the most that one Run may cost beside its operators.
const overheadGoal = 20 * time.Microsecond

// overhead times a program that negates one number.
func (b *bench) overhead(ctx context.Context) error {
	onnxruntime, err := ort.Open(ort.Options{})
	if err != nil {
		return err
	}
	g := graph.NewBuilder("negation", opset)
	g.Output("y", g.Op("Neg", []graph.Value{g.Input("x", tensor.Float32, graph.Dims(1)...)}))
	trivial, err := g.Build()
	if err != nil {
		return err
	}
	program, err := onnxruntime.Compile(ctx, trivial, engine.Options{Threads: 1})
	if err != nil {
		return err
	}
	defer program.Close()
	const runs = 2000
	inputs, outputs := []*tensor.Tensor{tensor.New(tensor.Float32, 1)}, []*tensor.Tensor{tensor.New(tensor.Float32, 1)}
	side := speed.Side{Name: "one Run", Run: speed.Timed(func(ctx context.Context) error {
		for range runs {
			if err := program.Run(ctx, inputs, outputs); err != nil {
				return err
			}
		}
		return nil
	})}
	samples, err := speed.Alternate(ctx, []speed.Side{side}, speed.Limits{Least: 20})
	if err != nil {
		return err
	}
	micro := make(speed.Sample, len(samples[0]))
	for i, s := range samples[0] {
		micro[i] = s / runs * 1e6
	}
	b.page.text("One Run of a program that negates one number takes %s µs (rounds of %d).\n", spread(micro), runs)
	goal := float64(overheadGoal.Microseconds())
	b.page.goal("one Run of a trivial program", figure(micro.Median())+" µs", fmt.Sprintf("< %g µs", goal), micro.Median() < goal)
	return nil
}
