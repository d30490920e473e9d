package training

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"visus/graph"
	"visus/graph/nn"
	"visus/internal/atomicfile"
	"visus/internal/version"
	"visus/observer/zoo"
	"visus/stimulus/augment"
	"visus/tensor"
	"visus/train"
)

// optimiser is one of those that the option names, with its usual learning rate for batches of 128.
type optimiser struct {
	rate float64
	make func(decay float64) nn.Optimiser
}

var optimisers = map[string]optimiser{
	"sgd":      {0.05, func(decay float64) nn.Optimiser { return nn.SGD{Momentum: .9, Nesterov: true, WeightDecay: decay} }},
	"adam":     {1e-3, func(decay float64) nn.Optimiser { return nn.Adam{WeightDecay: decay} }},
	"adamw":    {1e-3, func(decay float64) nn.Optimiser { return nn.Adam{WeightDecay: decay, Decoupled: true} }},
	"rmsprop":  {1e-3, func(decay float64) nn.Optimiser { return nn.RMSprop{WeightDecay: decay} }},
	"lars":     {1, func(decay float64) nn.Optimiser { return nn.LARS{WeightDecay: decay} }},
	"adabound": {1e-3, func(decay float64) nn.Optimiser { return nn.AdaBound{WeightDecay: decay} }},
}

// schedules are courses of the learning rate over so many steps.
var schedules = map[string]func(rate float64, steps int) nn.Schedule{
	"constant": func(rate float64, steps int) nn.Schedule { return nn.Steady(rate) },
	"steps":    func(rate float64, steps int) nn.Schedule { return nn.Stairs(rate, .1, steps/2, steps*3/4) }, // as CIFAR's ResNets (He et al. 2016)
	"cosine":   func(rate float64, steps int) nn.Schedule { return nn.Cosine(rate, 0, steps) },
	"warm-up": func(rate float64, steps int) nn.Schedule {
		return nn.Warmup(steps/20, nn.Cosine(rate, 0, steps-steps/20))
	},
	"one-cycle": nn.OneCycle,
}

// Optimisers lists what Options.Optimiser may be.
func Optimisers() []string { return slices.Sorted(maps.Keys(optimisers)) }

// Schedules lists what Options.Schedule may be: constant; steps (a tenth from half of the steps on, a hundredth from three quarters on);
// cosine, to 0; warm-up, a rise over a twentieth of the steps and then cosine; one-cycle (Smith and Topin 2018).
func Schedules() []string { return slices.Sorted(maps.Keys(schedules)) }

// Networks lists what Options.Network may be.
func Networks() []string {
	var names []string
	for _, a := range zoo.All {
		names = append(names, a.Name)
	}
	return names
}

// Check reports an error for an option that no data could make right.
func (o Options) Check() error {
	if _, err := zoo.ByName(o.Network); err != nil {
		return err
	}
	if _, ok := optimisers[o.Optimiser]; !ok {
		return fmt.Errorf("training: optimiser %q is none of %s", o.Optimiser, strings.Join(Optimisers(), ", "))
	}
	if _, ok := schedules[o.Schedule]; !ok {
		return fmt.Errorf("training: schedule %q is none of %s", o.Schedule, strings.Join(Schedules(), ", "))
	}
	if _, err := augment.Parse(o.Augment, 32); err != nil {
		return err
	}
	part, path, err := share(o.Validation)
	switch {
	case err != nil:
		return err
	case o.Epochs < 1 || o.Batch < 1:
		return fmt.Errorf("training: %d epochs of batches of %d, expected 1 or more of both", o.Epochs, o.Batch)
	case !finite(o.LearningRate) || !finite(o.WeightDecay):
		return fmt.Errorf("training: learning rate %v and weight decay %v, expected finite numbers from 0 on", o.LearningRate, o.WeightDecay)
	case o.Size < 0 || o.Size > largestSide:
		return fmt.Errorf("training: size %d, expected at most %d pixels, or 0 for that of the images", o.Size, largestSide)
	case !(o.Smoothing >= 0 && o.Smoothing < 1):
		return fmt.Errorf("training: label smoothing %v, expected 0 to below 1", o.Smoothing)
	case o.Patience > 0 && part == 0 && path == "":
		return errors.New("training: patience needs validation images; set some aside, or give a data set of them")
	}
	return nil
}

// largestSide bounds the side of a network's input, in pixels: far above what the zoo is made for, far below what no memory holds.
const largestSide = 1024

// finite says whether v is a finite number, 0 or more.
func finite(v float64) bool { return v >= 0 && !math.IsInf(v, 1) }

// rate is the highest learning rate.
func (o Options) rate() float64 {
	if o.LearningRate > 0 {
		return o.LearningRate
	}
	return optimisers[o.Optimiser].rate
}

// build writes the network as it is used and its training step.
func (r *run) build() error {
	architecture, err := zoo.ByName(r.Options.Network)
	if err != nil {
		return err
	}
	o, l := r.Options, r.train.layout
	size := zoo.Options{Channels: l.Channels, Height: l.Height, Width: l.Width, Classes: len(r.classes)}
	if r.used, err = architecture.Classifier(size, o.Seed); err != nil {
		return err
	}
	trained, err := architecture.Trained(size, o.Seed, r.batch(), o.Smoothing)
	if err != nil {
		return err
	}
	var options nn.StepOptions
	if o.Optimiser == "lars" { // as published, biases and batch norms are left alone (You et al. 2017)
		options.Exempt = nn.Vectors
	}
	step, err := trained.Step(zoo.Loss, optimisers[o.Optimiser].make(o.WeightDecay), options)
	if err != nil {
		return err
	}
	r.step = train.StepOf(step, trained, zoo.Accuracy)
	return nil
}

// batch is the number of images of a step: as many as asked for, or all there are.
func (r *run) batch() int { return min(r.Options.Batch, r.train.Len()) }

// with returns the network as it is used, with trained parameters, class names and where it came from.
func (r *run) with(parameters map[string]*tensor.Tensor) (*graph.Graph, error) {
	g := r.used.Graph.Clone()
	if err := nn.Assign(g, parameters); err != nil {
		return nil, err
	}
	names, err := json.Marshal(r.classes)
	if err != nil {
		return nil, err
	}
	g.Producer, g.ProducerVersion = "visus", version.String()
	g.Metadata = map[string]string{"classes": string(names)}
	return g, nil
}

// export writes the model and, beside it, how its images are prepared.
func (r *run) export(g *graph.Graph) error {
	if err := g.Save(r.path(ModelFile), graph.SaveOptions{}); err != nil {
		return err
	}
	path := strings.TrimSuffix(r.path(ModelFile), filepath.Ext(ModelFile)) + ".yaml"
	return atomicfile.Write(path, func(w io.Writer) error {
		d := r.config.Decided
		_, err := fmt.Fprintf(w, "scale: 1/255\nmean: %s\nstd: %s\nresize: %d\ncrop: %d\ninterpolation: %s\noutput: %s\nscores: logits\n",
			list(d.Mean), list(d.Std), fit(r.train.layout).Resize, d.Width, fit(r.train.layout).Filter, zoo.Logits)
		return err
	})
}

// list writes numbers as YAML, with all their digits.
func list(values [3]float64) string {
	var words []string
	for _, v := range values {
		words = append(words, strconv.FormatFloat(v, 'g', -1, 64))
	}
	return "[" + strings.Join(words, ", ") + "]"
}
