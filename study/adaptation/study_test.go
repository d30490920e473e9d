package adaptation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"visus/engine/ort"
	"visus/internal/golden"
	"visus/internal/progress"
	"visus/study/adaptation"
	"visus/study/session"
)

// lab is the study of ResNet-20 on the lossless CIFAR-10 images.
func lab(t *testing.T) adaptation.Study {
	t.Helper()
	if testing.Short() {
		t.Skip("whole studies")
	}
	engine, err := ort.Open(ort.Options{})
	if err != nil {
		t.Skipf("no ONNX Runtime: %v", err)
	}
	return adaptation.Study{Engine: engine, Options: adaptation.Options{Options: session.Options{
		Models: golden.Files(t, "corruptions/models", "resnet20.onnx"), Images: golden.Files(t, "corruptions/cifar", "lossless*.npz")[0], Preprocessing: "imagenet",
	}}}
}

// Mean errors of the model as it is and of adapted ones are those of the reference, on corruptions made here, on other images of the set and
// in another order.
func TestGoldenMeanErrors(t *testing.T) {
	const points = 0.03 // of a cell: specification, corruptions, section 16
	reference := golden.JSON[struct{ Sets map[string]map[string]float64 }](t, golden.Files(t, "corruptions/adapt", "accuracy.json")[0])
	s := lab(t)
	s.Options.Sizes, s.Options.Priors, s.Options.Learn = []int{32}, []float64{0, 64}, []string{adaptation.NoLearning}
	f, err := s.Run(context.Background(), filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Conditions) != len(reference.Sets)+1 {
		t.Fatalf("%d conditions; the reference has %d and clean images", len(f.Conditions), len(reference.Sets))
	}
	compared, worst := 0, 0.
	for _, w := range f.Models[0].Ways {
		key := "source"
		if w.Mode != "" {
			key = fmt.Sprintf("n%d_N%g", w.Images, w.Prior)
		}
		sum, sets := 0., 0
		for _, set := range reference.Sets {
			if accuracy, ok := set[key]; ok {
				sum, sets = sum+1-accuracy, sets+1
			}
		}
		if w.Mode == "cumulative" || sets == 0 {
			continue // the reference has none
		}
		apart := math.Abs(w.Mean - sum/float64(sets))
		if apart > points {
			t.Errorf("%s: mean error %.3f, reference %.3f", w.Name, w.Mean, sum/float64(sets))
		}
		compared, worst = compared+1, max(worst, apart)
	}
	if compared != 3 {
		t.Errorf("%d means compared, want 3", compared)
	}
	t.Logf("%d means over %d sets compared, at most %.4f apart; shift and error correlate with %.2f", compared, len(reference.Sets), worst, f.Models[0].Spearman)
	if f.Models[0].Spearman < 0.5 {
		t.Errorf("shift and error correlate with %.2f only", f.Models[0].Spearman)
	}
}

// stopper ends a context after some trials.
type stopper struct {
	progress.Meter
	left int
	stop context.CancelFunc
}

func (s *stopper) Add(steps int) {
	if s.left -= steps; s.left <= 0 {
		s.stop()
	}
}

// A run that was interrupted goes on, and ends as one that was not.
func TestGoldenResumed(t *testing.T) {
	s := lab(t)
	s.Options.Limit, s.Options.Sizes, s.Options.Priors = 40, []int{1, 16}, []float64{0, 8}
	s.Options.Corruptions, s.Options.Severities = []string{"fog", "contrast"}, []int{3}
	s.Options.Learn, s.Options.Batch = []string{"tent", "sar", "cotta"}, 16
	dir := t.TempDir()
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	f, err := s.Run(context.Background(), whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, trials := range []int{1, 250, 500} { // in the grid, between two batches of a mode that learns, under the second corruption
		ctx, stop := context.WithCancel(context.Background())
		cut := s
		cut.Progress = &stopper{progress.Silent(), trials, stop}
		if _, err := cut.Run(ctx, parts); !errors.Is(err, session.ErrInterrupted) {
			t.Fatalf("an interrupted run reports %v", err)
		}
		if _, err := os.Stat(filepath.Join(parts, "trials.csv")); err == nil {
			t.Fatal("an interrupted run has all trials")
		}
	}
	if _, err := s.Run(context.Background(), parts); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"trials.csv", "findings.json"} {
		a, err := os.ReadFile(filepath.Join(whole, file))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(parts, file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s of a run in parts differs", file)
		}
	}
	if want := 1 + 2*2 + 1 + 3; len(f.Models[0].Ways) != want {
		t.Errorf("%d ways, want %d", len(f.Models[0].Ways), want)
	}
	for _, w := range f.Models[0].Ways[6:] {
		for c, steps := range w.Steps {
			images := 0
			for _, step := range steps {
				for _, n := range step.Histogram {
					images += n
				}
			}
			if len(steps) != 3 || images != 40 {
				t.Errorf("%s under %s: %d steps on %d images, want 3 on 40", w.Name, f.Conditions[c], len(steps), images)
			}
		}
	}
}

// A learning rate that destroys the network is told in the findings, and does not stop the study. Images need no labels where nothing else is asked.
func TestGoldenCollapseTold(t *testing.T) {
	s := lab(t)
	s.Options.Limit, s.Options.Batch, s.Options.Single, s.Options.Rate = 200, 50, true, 20
	s.Options.Corruptions, s.Options.Severities, s.Options.Learn = []string{"contrast"}, []int{5}, []string{"tent"}
	told := 0
	s.Step = func(string) { told++ }
	f, err := s.Run(context.Background(), filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Models[0].Ways) != 3 || told != 8 {
		t.Fatalf("%d ways, %d steps told; want 3 and 8", len(f.Models[0].Ways), told)
	}
	if !slices.ContainsFunc(f.Warnings, func(w string) bool { return strings.Contains(w, "tent n=50 under contrast-5") }) {
		t.Errorf("no collapse among the warnings %q of %+v", f.Warnings, f.Models[0].Ways[2].Steps)
	}
}
