package adversarial_test

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"visus/attack"
	host "visus/eager/slices"
	"visus/engine/choice/choicetest"
	"visus/internal/golden"
	"visus/study/adversarial"
	"visus/study/session"
)

// TestGoldenStudy: on the supplied ResNet-20 every attack that is not slow breaks more the larger its epsilon, projected gradients of 8/255 leave at most 1 %,
// and gradients beat noise.
func TestGoldenStudy(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole study")
	}
	var names []string
	for _, k := range attack.All[*host.Tensor]() {
		if !strings.Contains(k.About, "slow") { // minutes
			names = append(names, k.Name)
		}
	}
	s := adversarial.Study{Engine: choicetest.Open(t, "auto"), Options: adversarial.Options{Attacks: names, Epsilons: []float64{1. / 255, 8. / 255}, Options: session.Options{
		Models: golden.Files(t, "corruptions/models", "resnet20.onnx"), Images: golden.Files(t, "corruptions/cifar", "lossless*.npz")[0], Preprocessing: "imagenet", Limit: 15,
	}}}
	f, err := s.Run(context.Background(), filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	m := f.Models[0]
	if len(m.Attacks) != len(names) || m.Clean.Value < 0.85 {
		t.Fatalf("%d attacks, %v right as they are", len(m.Attacks), m.Clean)
	}
	for _, a := range m.Attacks {
		t.Logf("%-16s %3.0f %% %3.0f %%, smallest %.2f/255", a.Name, 100*a.Accuracy[0].Value, 100*a.Accuracy[1].Value, 255*a.Smallest)
		if a.Accuracy[1].Value > a.Accuracy[0].Value || a.Accuracy[0].Value > m.Clean.Value {
			t.Errorf("%s: %v right as they are, %v within 1/255, %v within 8/255", a.Name, m.Clean.Value, a.Accuracy[0].Value, a.Accuracy[1].Value)
		}
		for _, share := range a.Spent {
			if share > 1 || math.IsNaN(share) {
				t.Errorf("%s spends %v of its epsilons", a.Name, a.Spent)
			}
		}
		strong := slices.Contains([]string{"pgd-linf", "pgd-l2", "pgd-l2-exact", "ddn", "deepfool", "fmn-l2", "fmn-linf"}, a.Name)
		if strong && a.Accuracy[1].Value > 0.01 {
			t.Errorf("%s leaves %v right within 8/255", a.Name, a.Accuracy[1].Value)
		}
	}
}
