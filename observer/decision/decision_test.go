package decision

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"visus/internal/golden"
	"visus/observer"
	"visus/tensor"
)

func TestGoldenMapping(t *testing.T) {
	files := golden.Files(t, "humans/mapping", "imagenet16*.json")
	for _, file := range files {
		want := golden.JSON[struct {
			Categories []string
			Indices    map[string][]int `json:"imagenet_indices"`
		}](t, file)
		if got := Sixteen().Categories(); !slices.Equal(got, want.Categories) {
			t.Fatalf("categories %v, want %v", got, want.Categories)
		}
		classes := 0
		for category, indices := range want.Indices {
			slices.Sort(indices)
			if got := Sixteen().Outputs(category); !slices.Equal(got, indices) {
				t.Errorf("%s: %v, want %v", category, got, indices)
			}
			classes += len(indices)
		}
		t.Logf("%d categories of %d classes agree", len(want.Indices), classes)
	}
}

// Row 0 holds equal values everywhere, whose order in the reference depends on rounding.
func TestGoldenDecisions(t *testing.T) {
	compared := 0
	for _, file := range golden.Files(t, "humans/golden", "decision16*.json") {
		want := golden.JSON[struct {
			Mean    [][]string `json:"ranking_mean"`
			TopSum  []string   `json:"top1_sum"`
			TopMax  []string   `json:"top1_max"`
			Indices []int
		}](t, file)
		arrays := golden.Arrays(t, strings.TrimSuffix(file, filepath.Ext(file))+".npz")
		logits, means := arrays["logits"], arrays["aggregated_mean"].Floats()
		n, classes, categories := logits.Shape()[0], logits.Shape()[1], len(Sixteen().categories)
		if len(want.Mean) != n || len(want.TopSum) != n || len(want.TopMax) != n {
			t.Fatalf("%s: %d rows, but %d, %d and %d decisions", file, n, len(want.Mean), len(want.TopSum), len(want.TopMax))
		}
		for row := 1; row < n; row++ {
			p := Softmax(tensor.Values[float32](logits)[row*classes : (row+1)*classes])
			d := decide(t, p, Mean)
			if d.Response() != want.Mean[row][0] {
				t.Errorf("row %d: %s by mean, want %s", row, d.Response(), want.Mean[row][0])
			}
			for _, c := range d.Ranking {
				at, _ := slices.BinarySearch(Sixteen().categories, c.Category)
				if reference := means[row*categories+at]; math.Abs(c.Value-reference) > 1e-6 {
					t.Errorf("row %d: %s has %g, want %g", row, c.Category, c.Value, reference)
				}
			}
			for rule, top := range map[Rule]string{Sum: want.TopSum[row], Max: want.TopMax[row]} {
				if got := decide(t, p, rule).Response(); got != top {
					t.Errorf("row %d: %s by %s, want %s", row, got, rule, top)
				}
			}
			compared++
		}
	}
	t.Logf("compared %d rows by three rules", compared)
}

func decide(t *testing.T, p []float32, rule Rule) Decision {
	t.Helper()
	d, err := Sixteen().Decide(p, rule)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTiesGoToTheLastCategory(t *testing.T) {
	p := make([]float32, 1000)
	for i := range p {
		p[i] = 0.001
	}
	d := decide(t, p, Max)
	var got []string
	for _, c := range d.Ranking {
		got = append(got, c.Category)
	}
	want := Sixteen().Categories()
	slices.Reverse(want)
	if !slices.Equal(got, want) {
		t.Errorf("ranking %v", got)
	}
}

func TestMeanDoesNotCountClasses(t *testing.T) {
	p := make([]float32, 1000)
	for _, dog := range Sixteen().Outputs("dog") {
		p[dog] = 0.005 // 0.545 in sum
	}
	p[404] = 0.3
	if got := decide(t, p, Mean).Response(); got != "airplane" {
		t.Errorf("by mean: %s", got)
	}
	if got := decide(t, p, Sum).Response(); got != "dog" {
		t.Errorf("by sum: %s", got)
	}
}

func TestForKnownClasses(t *testing.T) {
	cifar, err := For(observer.CIFAR10())
	if err != nil {
		t.Fatal(err)
	}
	if got := cifar.Answerable(); !slices.Equal(got, []string{"airplane", "bird", "boat", "car", "cat", "dog", "truck"}) {
		t.Errorf("CIFAR-10 answers %v", got)
	}
	if got := cifar.Outputs("boat"); !slices.Equal(got, []int{8}) {
		t.Errorf("boat is output %v", got)
	}
	if len(cifar.Unanswerable()) != 9 {
		t.Errorf("not answerable: %v", cifar.Unanswerable())
	}
	names := observer.ImageNet().Names()
	slices.Reverse(names)
	turned, err := For(observer.NewClasses("turned", names))
	if err != nil {
		t.Fatal(err)
	}
	if got := turned.Outputs("airplane"); !slices.Equal(got, []int{999 - 404}) {
		t.Errorf("airplane is output %v", got)
	}
}

func TestErrors(t *testing.T) {
	message := func(err error) string {
		if err == nil {
			return "no error"
		}
		return err.Error()
	}
	_, digits := For(observer.Digits())
	_, unknown := For(nil)
	_, shared := ParseMapping("x.json", []byte(`{"a": [1], "b": [2, 1]}`))
	_, list := ParseMapping("x.json", []byte(`[1]`))
	_, empty := ParseMapping("x.json", []byte(`{"a": []}`))
	_, negative := ParseMapping("x.json", []byte(`{"a": [-1]}`))
	_, few := Sixteen().Decide(make([]float32, 10), Mean)
	_, wide := Sixteen().Decide(append(make([]float32, 999), 1.5), Mean)
	_, nan := Sixteen().Decide(append(make([]float32, 999), float32(math.NaN())), Mean)
	_, rule := Sixteen().Decide(make([]float32, 1000), "median")
	for _, c := range []struct {
		err  error
		want string
	}{
		{digits, "decision: classes named like the categories (digits): no category has outputs; give a mapping from categories to outputs"},
		{unknown, "decision: nothing says what the model's outputs mean; name its classes, or give a mapping from categories to outputs"},
		{shared, "decision: x.json: output 1 belongs to a and to b"},
		{list, `decision: x.json: expected {"category": [output, ...], ...}: json: cannot unmarshal array into Go value of type map[string][]int`},
		{empty, "decision: x.json: no category has outputs"},
		{negative, "decision: x.json: a has output -1; expected 0 or more"},
		{few, "decision: ImageNet's classes in 16 categories: airplane has output 404; the model has outputs 0 to 9"},
		{wide, "decision: probability 1.5 of class 999 is outside 0..1; are these scores before the softmax?"},
		{nan, "decision: probability NaN of class 999 is outside 0..1; are these scores before the softmax?"},
		{rule, `decision: rule "median" is none of mean, sum, max`},
	} {
		if got := message(c.err); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestSoftmaxSumsToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logits := rapid.SliceOfN(rapid.Float32Range(-1e30, 1e30), 1, 50).Draw(t, "logits")
		sum := 0.0
		for _, p := range Softmax(logits) {
			if !(p >= 0 && p <= 1) {
				t.Fatalf("probability %g", p)
			}
			sum += float64(p)
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Errorf("sum %g", sum)
		}
	})
}

func FuzzParseMapping(f *testing.F) {
	for _, text := range []string{`{"a": [1], "b": []}`, `{"a": null}`, `{"": [1]}`, `{`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseMapping("fuzz", text)
		if err == nil && len(m.Answerable())+len(m.Unanswerable()) != len(m.Categories()) {
			t.Errorf("%q: %v", text, m)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	p := make([]float32, 1000)
	for b.Loop() {
		if _, err := Sixteen().Decide(p, Mean); err != nil {
			b.Fatal(err)
		}
	}
}
