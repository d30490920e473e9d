//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"visus/engine/choice"
	"visus/engine/library"
	"visus/engine/ort"
	"visus/stimulus"
	"visus/study/training"
	"visus/tensor"
)

// TestTrainingSurvivesKill trains ResNet-20 on handwritten digits, padded to 32×32, while it is killed at random moments and the same command
// is given again. Model and findings are then, byte for byte, those of an uninterrupted run.
func TestTrainingSurvivesKill(t *testing.T) {
	needEngine(t)
	images, kills := 5000, 3
	if testing.Short() {
		images, kills = 256, 1
	}
	dir := t.TempDir()
	if err := paddedDigits(t, filepath.Join(dir, "digits.npz"), images); err != nil {
		t.Fatal(err)
	}
	start := func(out string) *process {
		p := &process{Cmd: exec.Command("visus", "train", "classifier", "--images", "digits.npz", "--network", "resnet20", "--epochs", "2", "--batch", "64",
			"--augment", "crop", "--every", "1ms", "--out", out), folder: filepath.Join(dir, out), stderr: &lockedBuffer{}, ended: make(chan struct{})}
		p.Dir, p.Stderr = dir, p.stderr
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			p.Wait()
			close(p.ended)
		}()
		t.Cleanup(func() { p.end(syscall.SIGKILL) })
		return p
	}
	began := time.Now()
	whole := start("whole")
	if code := whole.end(nil); code != done {
		t.Fatalf("the undisturbed run ended with %d and said\n%s", code, whole.stderr)
	}
	t.Logf("%d images, 2 epochs: %v undisturbed", images, time.Since(began).Round(time.Second))
	random, killed := rand.New(rand.NewPCG(5, 9)), 0
	for {
		p := start("killed")
		if killed < kills {
			before := checkpoints(p.folder)
			p.until(func() bool { return checkpoints(p.folder) != before }) // it has taken a step
			time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
		}
		var signal os.Signal
		if killed < kills {
			signal = syscall.SIGKILL
		}
		code := p.end(signal)
		if code == done {
			break
		}
		if signal == nil {
			t.Fatalf("it ended with %d and said\n%s", code, p.stderr)
		}
		killed++
	}
	if killed == 0 {
		t.Error("no run was killed")
	}
	want, got := contents(t, filepath.Join(dir, "whole")), contents(t, filepath.Join(dir, "killed"))
	for _, name := range []string{training.ModelFile, training.FindingsFile, "metrics.csv", training.ReportFile} {
		if len(want[name]) == 0 || !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s has %d bytes that differ from the %d of the undisturbed run", name, len(got[name]), len(want[name]))
		}
	}
	t.Logf("killed %d times", killed)
}

// needEngine tells the program where ONNX Runtime is; without it the test is skipped.
func needEngine(t *testing.T) {
	t.Helper()
	if _, err := ort.Open(ort.Options{}); err != nil {
		t.Skipf("no ONNX Runtime: %v", err)
	}
	path, _, err := library.ONNXRuntime.Find()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(library.ONNXRuntime.Variable, path)
}

// TestDigits trains the small network on MNIST's training images: at least 99 % of the test images, none of which chose anything, are named rightly,
// and as many, within 0.2 points, by what each engine trains.
func TestDigits(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for a minute")
	}
	needEngine(t)
	digits := digitsFolder(t)
	auto := trainDigits(t, digits, choice.Auto)
	if alone := trainDigits(t, digits, choice.ORT); math.Abs(alone-auto) > .002 {
		t.Errorf("accuracy %v with the engines that are chosen, %v with ONNX Runtime alone", auto, alone)
	}
}

// trainDigits returns the accuracy on the test images.
func trainDigits(t *testing.T, digits, engine string) float64 {
	t.Helper()
	out := t.TempDir()
	began := time.Now()
	said, err := exec.Command("visus", "train", "classifier", "--quiet", "--images", filepath.Join(digits, "train-images-idx3-ubyte.gz"), "--engine", engine,
		"--validation", filepath.Join(digits, "t10k-images-idx3-ubyte.gz"), "--network", "cnn", "--size", "32", "--epochs", "2", "--out", out).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	var f struct {
		Best       int
		Engine     string
		Validation struct {
			Images   int
			Accuracy struct{ Value float64 }
		}
	}
	data, err := os.ReadFile(filepath.Join(out, training.FindingsFile))
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	accuracy := f.Validation.Accuracy.Value
	if f.Best != 2 || f.Validation.Images != 10000 || accuracy < .99 {
		t.Errorf("%d images: accuracy %v after epoch %d; want 10000 images, at least 0.99 after epoch 2", f.Validation.Images, accuracy, f.Best)
	}
	t.Logf("%s: accuracy %v in %v", f.Engine, accuracy, time.Since(began).Round(time.Second))
	return accuracy
}

// digitsFolder is where MNIST's files lie. The test is skipped where Go cannot fetch them.
func digitsFolder(t *testing.T) string {
	t.Helper()
	told, err := exec.Command(filepath.Join("..", "..", "scripts", "digits.sh")).Output()
	if err != nil {
		t.Skipf("no digits: %v", err)
	}
	return strings.TrimSpace(string(told))
}

// checkpoints is the name of the newest checkpoint.
func checkpoints(folder string) string {
	found, _ := filepath.Glob(filepath.Join(folder, "checkpoints", "step-*.safetensors"))
	if len(found) == 0 {
		return ""
	}
	return slices.Max(found)
}

// paddedDigits writes images of MNIST with a border of 2 pixels as x and y of an NPZ file.
func paddedDigits(t *testing.T, path string, n int) error {
	t.Helper()
	set, err := stimulus.Open(filepath.Join(digitsFolder(t), "train-images-idx3-ubyte.gz"), stimulus.Options{})
	if err != nil {
		return err
	}
	defer set.Close()
	const side = 32
	x, y := tensor.New(tensor.Uint8, n, side, side), tensor.New(tensor.Uint8, n)
	source, pixels, labels := set.Conditions[0].Source, tensor.Values[uint8](x), tensor.Values[uint8](y)
	for i := range n {
		m, err := source.Image(i)
		if err != nil {
			return err
		}
		for k := range m.Width * m.Height {
			pixels[(i*side+2+k/m.Width)*side+2+k%m.Width] = m.Pix[3*k]
		}
		labels[i] = source.Item(i).Category[0] - '0'
	}
	return writeArrays(path, x, y)
}
