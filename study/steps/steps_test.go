package steps

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"

	"visus/engine"
	"visus/engine/choice/choicetest"
)

// small is a batch that every work can have.
const small = 4

// TestWorks runs every work: training lowers its loss from step to step, the others come to the same every time.
func TestWorks(t *testing.T) { choicetest.Each(t, works) }

func works(t *testing.T, e engine.Engine) {
	constant := map[string]bool{"convblocks": true, "gradient": true, "inference": true}
	for _, w := range All {
		t.Run(w.Name, func(t *testing.T) {
			s, err := w.Measure(context.Background(), e, Options{Batch: small, Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			if s.Network != w.Name || s.Batch != small || s.Threads != 1 || s.Engine != e.Name() || s.Steps != least {
				t.Errorf("%+v, expected %d steps of %s on one thread of %s", s, least, w.Name, e.Name())
			}
			if !(0 < s.Minimum && s.Minimum <= s.Median) || s.Compile <= 0 || s.SecondCompile <= 0 || s.StepMemory > s.PeakMemory {
				t.Errorf("%+v, expected times above 0, the minimum below the median, and the step's memory in the peak", s)
			}
			if len(s.Check) != checked {
				t.Fatalf("%d checked values, expected %d", len(s.Check), checked)
			}
			for i, v := range s.Check {
				if !(v > 0) || math.IsInf(v, 0) {
					t.Errorf("step %d comes to %g, expected a number above 0", i, v)
				}
				if i == 0 {
					continue
				}
				if before := s.Check[i-1]; constant[w.Name] && v != before || !constant[w.Name] && !(v < before) {
					t.Errorf("step %d comes to %g after %g", i, v, before)
				}
			}
		})
	}
}

// TestStepsAreTheSameEverywhere writes each step twice: parameters and data do not depend on the process.
func TestStepsAreTheSameEverywhere(t *testing.T) {
	for _, w := range All {
		var files [2]bytes.Buffer
		for i := range files {
			s, err := w.Step(small)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Write(&files[i]); err != nil {
				t.Fatal(err)
			}
		}
		if files[0].Len() == 0 || !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
			t.Errorf("%s: two files of %d and %d bytes, expected equal ones", w.Name, files[0].Len(), files[1].Len())
		}
	}
}

// TestParameters has the numbers that PyTorch counts in bench/torch_steps.py.
func TestParameters(t *testing.T) {
	resnet := 269722 // He et al. 2016, table 6: 0.27 million
	for name, want := range map[string]int{
		"slowvae": 763285, "resnet20": resnet, "tent": resnet, "gradient": resnet, "inference": resnet,
		"mlp":        2500*256 + 256 + 256*256 + 256 + 256*2 + 2,
		"convblocks": 3*32*9 + 32 + 4*(32*32*9+32+2*32),
	} {
		w, err := ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := w.Step(small)
		if err != nil {
			t.Fatal(err)
		}
		if s.Parameters != want {
			t.Errorf("%s: %d parameters, expected %d", name, s.Parameters, want)
		}
	}
}

// TestTentTrainsNormalisersAlone: the scale and the bias of each of 19 layers.
func TestTentTrainsNormalisersAlone(t *testing.T) {
	s, err := tent(small)
	if err != nil {
		t.Fatal(err)
	}
	moving := 0
	for _, state := range s.State {
		switch {
		case strings.HasPrefix(state.Input, "conv") || strings.Contains(state.Input, ".conv") || strings.HasPrefix(state.Input, "linear"):
			t.Errorf("%s is state", state.Input)
		case strings.HasSuffix(state.Input, ".weight") || strings.HasSuffix(state.Input, ".bias"):
			moving++
		}
	}
	if moving != 2*19 {
		t.Errorf("%d scales and biases are trained, expected %d", moving, 2*19)
	}
}

func TestErrors(t *testing.T) {
	if _, err := ByName("resnet21"); err == nil || err.Error() != `steps: no network "resnet21"; there are `+strings.Join(Names(), ", ") {
		t.Errorf("error %v, expected a list of the networks", err)
	}
	for _, c := range []struct {
		name  string
		batch int
		want  string
	}{
		{"mlp", 0, "steps: mlp: a batch of 0 images, expected 1 or more"},
		{"slowvae", 3, "steps: slowvae: zoo: slowvae: a batch of 3 images, expected pairs of frames: an even number"},
	} {
		w, err := ByName(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Step(c.batch); err == nil || err.Error() != c.want {
			t.Errorf("%s, batch %d: error %v, expected %q", c.name, c.batch, err, c.want)
		}
	}
}
