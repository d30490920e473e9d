package main

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"visus/internal/atomicfile"
	"visus/internal/speed"
	"visus/tensor"
)

// The goals: growth of the peak from few images to many, and the peak itself.
const (
	growthGoal = 1.05
	peakGoal   = 1000 // MB
)

// memory takes the peak resident memory of examinations of few and of many images.
func (b *bench) memory(ctx context.Context) error {
	few, many, runs := 5000, 50000, 9
	if b.quick {
		few, many, runs = 500, 2000, 1
	}
	model, err := b.kept("tiny.onnx", saveTiny)
	if err != nil {
		return err
	}
	var small, large, ratio speed.Sample
	var took time.Duration
	for range runs {
		low, _, err := b.peak(ctx, model, few)
		if err != nil {
			return err
		}
		high, whole, err := b.peak(ctx, model, many)
		if err != nil {
			return err
		}
		small, large, ratio, took = append(small, low), append(large, high), append(ratio, high/low), whole
		progress("%d images %s MB, %d images %s MB", few, figure(low), many, figure(high))
	}
	b.page.section("Memory")
	b.page.text("Peak resident memory of `visus examine` with a tiny model and one corruption at one severity over 32×32 images in an .npz file, report included:")
	b.page.text("%s MB for %d images, %s MB for %d (which took %s); ratio %s.\n", spread(small), few, spread(large), many, took.Round(time.Second), spread(ratio))
	b.page.goal(fmt.Sprintf("memory: peak at %d images by that at %d", many, few), figure(ratio.Median()), fmt.Sprintf("≤ %g", growthGoal), ratio.Median() <= growthGoal)
	b.page.goal(fmt.Sprintf("memory: peak at %d images", many), figure(large.Median())+" MB", fmt.Sprintf("< %d MB", peakGoal), large.Most() < peakGoal)
	return nil
}

// peak examines so many images in a process of its own and returns the most memory that it had, in MB.
func (b *bench) peak(ctx context.Context, model string, images int) (float64, time.Duration, error) {
	data, err := b.kept(fmt.Sprintf("images-%d.npz", images), func(path string) error { return writeImages(path, images) })
	if err != nil {
		return 0, 0, err
	}
	out, err := os.MkdirTemp(b.cache, "result-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(out)
	command := exec.CommandContext(ctx, b.visus, "examine", "--quiet", model, "--images", data, "--out", out,
		"--corruption", "brightness", "--severity", "1", "--preprocessing", "cifar", "--classes", "cifar10", "--labels", "cifar10")
	var said strings.Builder
	command.Stderr = &said
	start := time.Now()
	if err := command.Start(); err != nil {
		return 0, 0, err
	}
	watched := make(chan float64, 1)
	ended := make(chan struct{})
	go func() { watched <- watch(command.Process.Pid, ended) }()
	err = command.Wait()
	close(ended)
	most := <-watched
	if err != nil {
		return 0, 0, fmt.Errorf("visus examine of %d images: %w: %s", images, err, said.String())
	}
	if most == 0 {
		return 0, 0, errors.New("the memory of a process cannot be read: /proc is needed, as Linux has it")
	}
	return most, time.Since(start), nil
}

// watch reads a process's high-water mark until it has ended, in MB; 0 where the system does not tell. The mark of getrusage would not
// do: a child inherits that of its parent.
func watch(pid int, ended <-chan struct{}) float64 {
	most, process := 0.0, strconv.Itoa(pid)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return most
		case <-tick.C:
			most = max(most, float64(speed.MemoryOf(process).Peak)/1e6)
		}
	}
}

// writeImages writes x [n, 32, 32, 3] and y [n] of ten classes: windows into one picture.
func writeImages(path string, n int) error {
	const side, width = 32, 512
	picture := leaves(1, width, width)
	random := rand.New(rand.NewPCG(uint64(n), 1))
	x, y := tensor.New(tensor.Uint8, n, side, side, 3), tensor.New(tensor.Int64, n)
	pixels, labels := tensor.Values[uint8](x), tensor.Values[int64](y)
	for i := range n {
		window, err := picture.Crop(random.IntN(width-side), random.IntN(width-side), side, side)
		if err != nil {
			return err
		}
		copy(pixels[i*len(window.Pix):], window.Pix)
		labels[i] = int64(random.IntN(10))
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		archive := zip.NewWriter(w)
		for name, t := range map[string]*tensor.Tensor{"x.npy": x, "y.npy": y} {
			member, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
			if err != nil {
				return err
			}
			if err := tensor.WriteNPY(member, t); err != nil {
				return err
			}
		}
		return archive.Close()
	})
}
