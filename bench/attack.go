package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"visus/attack"
	"visus/eager"
	host "visus/eager/slices"
	"visus/engine/choice"
	"visus/internal/atomicfile"
	"visus/internal/speed"
	"visus/observer"
	"visus/stimulus"
	"visus/tensor"
	"visus/train/safetensors"
)

// The goals of attacks: by foolbox's time, and what eight epsilons may cost by one.
const (
	attackGoal  = 0.6
	epsilonGoal = 2
)

const attackImages = 100

// assault is what is attacked, on both sides: the supplied ResNet-20 and CIFAR-10 images that have labels.
type assault struct {
	network *attack.Network
	task    attack.Task[*host.Tensor]
	file    string // the same for Python
}

// attack compares 40 steps of projected gradient descent with foolbox's.
func (b *bench) attack(ctx context.Context) error {
	model, images := b.goldenFile("corruptions/models/resnet20.onnx"), b.goldenFile("corruptions/cifar/lossless600.npz")
	if model == "" || images == "" {
		progress("attack: left out, for want of the network and the images")
		return nil
	}
	a, err := b.assault(ctx, model, images)
	if err != nil {
		return err
	}
	defer a.network.Close()
	python, err := startPython(ctx, b.torch, "bench/attack.py", strconv.Itoa(runtime.GOMAXPROCS(0)), a.file)
	if err != nil {
		return err
	}
	defer python.close()
	var theirBroken, ourBroken int
	ours := func(early bool, epsilons ...float64) func(ctx context.Context) (time.Duration, error) {
		return func(ctx context.Context) (time.Duration, error) {
			a.task.Early = early
			start := time.Now()
			r, err := attack.Run(ctx, attack.ProjectedGradient[*host.Tensor](attack.LInf), a.task, epsilons...)
			if err == nil {
				ourBroken = count(r.Success[len(epsilons)-1])
			}
			return time.Since(start), err
		}
	}
	theirs := func(context.Context) (time.Duration, error) {
		var answer struct {
			Seconds float64
			Broken  []int
		}
		err := python.ask(fmt.Sprint(8./255), &answer)
		if err == nil {
			theirBroken = answer.Broken[0]
		}
		return duration(answer.Seconds), err
	}
	eight := make([]float64, 8)
	for i := range eight {
		eight[i] = float64(i+1) / 255
	}
	limits := speed.Limits{Least: 5, Most: 5}
	if b.quick {
		limits = speed.Limits{Least: 1, Most: 1}
	}
	samples, err := speed.Alternate(ctx, []speed.Side{{Name: "visus", Run: ours(false, 8./255)}, {Name: "foolbox", Run: theirs},
		{Name: "visus, eight epsilons", Run: ours(true, eight...)}}, limits)
	if err != nil {
		return err
	}
	one, foolbox, all := samples[0], samples[1], samples[2]
	ratio, more := speed.Ratio(foolbox, one), speed.Ratio(one, all)
	b.page.section("Attacks")
	b.page.text("Seconds of projected gradient descent, linf, 40 steps from a random start, on %d CIFAR-10 images with ResNet-20, beside %s.", attackImages, strings.Join(python.versions[1:], ", "))
	b.page.text("Both sides have the same parameters, images and threads, and make the same number of steps on every image; within 8/255 visus breaks %d", ourBroken)
	b.page.text("of them, foolbox %d. Eight epsilons are 1/255 to 8/255 in one call that leaves an image as soon as it is broken, as `visus attack` does.\n", theirBroken)
	b.page.table([]string{"what", "visus", "foolbox", "ratio", "pairs"}, [][]string{
		{"one epsilon, 8/255", spread(one), spread(foolbox), spread(ratio), strconv.Itoa(len(one))},
		{"eight epsilons, by one of visus", spread(all), "-", spread(more), strconv.Itoa(len(all))},
	})
	b.page.goal("40 steps on 100 images: time by foolbox's", figure(ratio.Median()), fmt.Sprintf("≤ %g", attackGoal), ratio.Median() <= attackGoal)
	b.page.goal("eight epsilons: time by that of one", figure(more.Median()), fmt.Sprintf("≤ %d", epsilonGoal), more.Median() <= epsilonGoal)
	progress("attack: visus %s s, foolbox %s s, ratio %s; eight epsilons %s", spread(one), spread(foolbox), spread(ratio), spread(all))
	return nil
}

func count(flags []bool) (n int) {
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}

// assault opens the model and the images, and writes both for Python.
func (b *bench) assault(ctx context.Context, model, images string) (*assault, error) {
	engine, err := choice.Open(choice.Options{})
	if err != nil {
		return nil, err
	}
	m, err := observer.Open(ctx, engine, model, observer.Options{Preprocessing: "imagenet"})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	set, err := stimulus.Open(images, stimulus.Options{})
	if err != nil {
		return nil, err
	}
	defer set.Close()
	var sample observer.Sample
	for i := range attackImages {
		image, err := set.Conditions[0].Image(i)
		if err != nil {
			return nil, err
		}
		sample.Images, sample.Categories = append(sample.Images, image), append(sample.Categories, set.Conditions[0].Item(i).Category)
	}
	sample.All = sample.Categories
	chosen, err := observer.Choose(ctx, m, sample)
	if err != nil {
		return nil, err
	}
	a := &assault{file: filepath.Join(b.cache, "attack.safetensors")}
	if a.network, err = attack.NewNetwork(engine, m, 0); err != nil {
		return nil, err
	}
	labels := make([]int64, attackImages)
	for i, c := range sample.Categories {
		labels[i] = int64(chosen.Truth[c])
	}
	x, err := a.network.Images(sample.Images)
	if err != nil {
		return nil, err
	}
	a.task = attack.Task[*host.Tensor]{Model: a.network, Images: x, Goal: attack.Misclassified[*host.Tensor]{Labels: host.Wrap(labels, attackImages)},
		Random: rand.New(rand.NewPCG(1, 0))}
	return a, a.write(m, x, host.Wrap(labels, attackImages))
}

// write stores parameters, images and labels.
func (a *assault) write(m *observer.Model, tensors ...eager.Native[*host.Tensor, *tensor.Tensor]) error {
	g, err := m.Graph()
	if err != nil {
		return err
	}
	file := safetensors.File{Tensors: map[string]*tensor.Tensor{}}
	for _, c := range g.Initializers {
		if k := c.Tensor.Type(); k == tensor.Float32 || k == tensor.Int64 {
			file.Tensors[c.Name] = c.Tensor
		}
	}
	for i, name := range []string{"input", "labels"} {
		if file.Tensors[name], err = tensors[i].Raw(); err != nil {
			return err
		}
	}
	return atomicfile.Write(a.file, func(w io.Writer) error { return safetensors.Write(w, file) })
}
