package report

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"visus/report/figure"
)

// demo is a page with every part, made up as an examination of two models on 19 corruptions would fill it.
func demo(t *testing.T) Page {
	t.Helper()
	d := demoData{rng: rand.New(rand.NewPCG(1, 2)), models: []string{"resnet20", "resnet56"}}
	d.fill()
	return Page{
		Title: "Corruption examination", Subtitle: "resnet20 and resnet56 on 600 images of 10 classes, made-up numbers",
		Summary: []string{"`resnet56` is the more robust: its mean accuracy over 19 corruptions is 3.1 points higher (95 % interval 1.4 to 4.8), more than chance explains.",
			"Noise and glass blur cost most; brightness and saturation cost almost nothing."},
		Lead: []Key{
			{"Clean accuracy, resnet20", "91.6 %", "89.1 to 93.6", Good},
			{"Clean accuracy, resnet56", "93.4 %", "91.2 to 95.1", Good},
			{"Mean accuracy, corrupted", "69 | 72 %", "resnet20 | resnet56", Warn},
			{"Difference", "3.1 points", "1.4 to 4.8, p < 0.001", Neutral},
			{"Worst condition", "21 %", "gaussian_noise, severity 5", Bad},
		},
		Sections: []Section{
			{"overview", "How much each corruption costs", []string{"Each cell is the error on the same 600 images. Severity 0 is the clean image."},
				[]Part{Note{Warn, "Two images could not be read", []string{"They are left out everywhere."}, []string{"frog/0012.jpg: truncated", "<script>alert(1)</script>.png: not an image"}}, d.heat(), d.bars()}},
			{"curves", "Severity curves", nil, []Part{d.curves()}},
			{"models", "Models compared", nil, []Part{d.scores(), d.reliability()}},
			{"classes", "Classes", nil, []Part{d.matrix(10), d.matrix(40)}},
			{"images", "The images", nil, []Part{d.browser(t)}},
			{"everything", "All numbers", nil, []Part{d.everything()}},
			{"method", "Method", []string{"Accuracies carry 95 % Wilson intervals."}, []Part{Details{
				"", []Fact{{"visus", "0.1"}, {"seed", "1"}, {"images", "cifar/lossless600.npz"}, {"engine", "ONNX Runtime 1.30, CPU, `float32`"}},
				"visus examine resnet20.onnx resnet56.onnx --images cifar/ --seed 1 --out result/"}}},
		},
	}
}

type demoData struct {
	rng    *rand.Rand
	models []string
	error  [][][]float64 // [model][corruption][severity 0..5]
}

var demoCorruptions = []Row{
	{"gaussian_noise", "noise"}, {"shot_noise", "noise"}, {"impulse_noise", "noise"},
	{"defocus_blur", "blur"}, {"glass_blur", "blur"}, {"motion_blur", "blur"}, {"zoom_blur", "blur"},
	{"snow", "weather"}, {"frost", "weather"}, {"fog", "weather"}, {"brightness", "weather"},
	{"contrast", "digital"}, {"elastic_transform", "digital"}, {"pixelate", "digital"}, {"jpeg_compression", "digital"},
	{"speckle_noise", "extra"}, {"gaussian_blur", "extra"}, {"spatter", "extra"}, {"saturate", "extra"},
}

func (d *demoData) fill() {
	worst := []float64{.79, .72, .8, .42, .65, .41, .45, .36, .48, .35, .13, .72, .31, .6, .33, .66, .55, .33, .16}
	for m := range d.models {
		var model [][]float64
		for k := range demoCorruptions {
			row := make([]float64, 6)
			for s := range row {
				x := float64(s) / 5
				row[s] = 0.084 - 0.018*float64(m) + (worst[k]-0.084)*math.Pow(x, 1.3)*(1-0.12*float64(m)) + 0.01*d.rng.Float64()*x
			}
			model = append(model, row)
		}
		d.error = append(d.error, model)
	}
}

func wilson(p float64) [2]float64 {
	const n, z = 600, 1.96
	mid, half := (p+z*z/(2*n))/(1+z*z/n), z/(1+z*z/n)*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return [2]float64{mid - half, mid + half}
}

func (d *demoData) heat() Part {
	h := HeatMap{
		Name: "errors", Title: "Error by corruption and severity", RowTitle: "corruption", Rows: demoCorruptions, Scale: "error, %",
		Caption: "Darker is worse in the light scheme, brighter in the dark one. Point at a cell for its interval.",
		Alt:     "Heat map of the error of resnet20 and resnet56 for 19 corruptions at severities 0 to 5", Max: 1, Percent: true,
	}
	for m, name := range d.models {
		p := HeatPanel{Title: name, Columns: []string{"0", "1", "2", "3", "4", "5"}, Values: d.error[m]}
		for _, row := range p.Values {
			var ends [][2]float64
			for _, v := range row {
				ends = append(ends, wilson(v))
			}
			p.Intervals = append(p.Intervals, ends)
		}
		h.Panels = append(h.Panels, p)
	}
	return h
}

func (d *demoData) curves() Part {
	c := Chart{Name: "severity", Title: "Accuracy by severity", Caption: "Bands are 95 % intervals.", Alt: "Nineteen panels of accuracy falling with severity, one curve a model"}
	for k, row := range demoCorruptions {
		ch := figure.Curves{X: figure.Axis{Label: "severity", Min: 0, Max: 5}, Y: figure.Axis{Label: "accuracy, %", Max: 1, Percent: true}}
		for m, name := range d.models {
			l := figure.Line{Name: name}
			for s, e := range d.error[m][k] {
				ends := wilson(1 - e)
				l.X, l.Y = append(l.X, float64(s)), append(l.Y, 1-e)
				l.Low, l.High = append(l.Low, ends[0]), append(l.High, ends[1])
			}
			ch.Lines = append(ch.Lines, l)
		}
		ch.Lines = append(ch.Lines, figure.Line{Name: "chance", X: []float64{0, 5}, Y: []float64{0.1, 0.1}, Muted: true})
		c.Panels = append(c.Panels, figure.Panel{Title: row.Name, Chart: ch})
	}
	return c
}

func (d *demoData) bars() Part {
	b := figure.Bars{Value: figure.Axis{Label: "mean error over severities, %", Percent: true}}
	for _, row := range demoCorruptions {
		b.Names = append(b.Names, row.Name)
	}
	for m, name := range d.models {
		s := figure.Bar{Name: name}
		for k := range demoCorruptions {
			v := 0.0
			for _, e := range d.error[m][k][1:] {
				v += e / 5
			}
			ends := wilson(v)
			s.Values, s.Low, s.High = append(s.Values, v), append(s.Low, ends[0]), append(s.High, ends[1])
		}
		b.Series = append(b.Series, s)
	}
	return Chart{Name: "mean-errors", Title: "Mean error by corruption", Alt: "Bars of the mean error of both models for each corruption", Panels: []figure.Panel{{Chart: b}}}
}

func (d *demoData) scores() Part {
	return Table{
		Name: "scores", Title: "Scores", Caption: "Intervals are 95 %; the better value is bold.",
		Columns: []Column{{Name: "model"}, {Name: "clean accuracy", Kind: PercentKind, Decimals: 1, Best: Highest},
			{Name: "corrupted", Kind: PercentKind, Decimals: 1, Best: Highest}, {Name: "ECE", Kind: NumberKind, Decimals: 3, Best: Lowest}, {Name: "speed", Unit: "images/s", Kind: NumberKind}},
		Rows: [][]Cell{
			{Text("resnet20"), NumIn(.916, .891, .936), NumIn(.688, .681, .695), Num(.0415), Num(1830)},
			{Text("resnet56"), NumIn(.934, .912, .951), NumIn(.719, .712, .726), Num(.0533), Num(nan)},
		},
	}
}

func (d *demoData) reliability() Part {
	c := Chart{Name: "reliability", Title: "Calibration", Caption: "Fuller bins are more opaque.", Alt: "Reliability diagrams: both models are overconfident"}
	for m, name := range d.models {
		var bins []figure.Bin
		for i := range 15 {
			lo, hi := float64(i)/15, float64(i+1)/15
			mid := (lo + hi) / 2
			bins = append(bins, figure.Bin{Low: lo, High: hi, Count: i * i * 3, Confidence: mid, Accuracy: mid - 0.04*float64(m+1)*math.Sin(math.Pi*mid)})
		}
		c.Panels = append(c.Panels, figure.Panel{Title: name, Chart: figure.Reliability{Bins: bins}})
	}
	return c
}

func (d *demoData) matrix(n int) Part {
	m := Matrix{Name: fmt.Sprint("confusion", n), Title: fmt.Sprint("Confusions among ", n, " classes"), Alt: "Confusion matrix with a strong diagonal", Folded: n > 30}
	names := []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}
	for i := range n {
		if n <= len(names) {
			m.Classes = append(m.Classes, names[i])
		} else {
			m.Classes = append(m.Classes, fmt.Sprint("class ", i))
		}
		row := make([]int, n)
		row[i] = 48
		for range 12 {
			row[d.rng.IntN(n)]++
		}
		m.Counts = append(m.Counts, row)
	}
	return m
}

func (d *demoData) browser(t *testing.T) Part {
	b := Browser{Title: "Clean and corrupted side by side", GroupName: "corruption", LevelName: "severity", Observers: d.models, Conditions: []Condition{{"clean", "", 0}},
		Caption: "Twelve images, drawn by the seed."}
	groups := []string{"gaussian_noise", "fog", "pixelate"}
	for _, g := range groups {
		for s := 1; s <= 5; s++ {
			b.Conditions = append(b.Conditions, Condition{fmt.Sprint(g, " ", s), g, s})
		}
	}
	classes := []string{"cat", "dog", "ship", "truck"}
	for i := range 12 {
		it := Item{Stimulus: fmt.Sprintf("test/%04d", 17*i), Category: classes[i%4]}
		for c := range b.Conditions {
			v := View{Condition: c, Image: d.picture(t, i, b.Conditions[c])}
			for range d.models {
				a := Answer{Response: it.Category, Confidence: 1 - 0.15*d.rng.Float64(), Correct: true}
				if d.rng.Float64() < 0.15*float64(b.Conditions[c].Level) {
					a = Answer{Response: classes[(i+1)%4], Confidence: 0.3 + 0.4*d.rng.Float64()}
				}
				v.Answers = append(v.Answers, a)
			}
			it.Views = append(it.Views, v)
		}
		b.Items = append(b.Items, it)
	}
	return b
}

// picture is a disc on a gradient, 32 pixels a side, corrupted crudely.
func (d *demoData) picture(t *testing.T, i int, c Condition) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 32, 32))
	for y := range 32 {
		for x := range 32 {
			xx, yy := x, y
			if c.Group == "pixelate" {
				xx, yy = x/(c.Level+1)*(c.Level+1), y/(c.Level+1)*(c.Level+1)
			}
			rgb := [3]float64{float64(60 + 5*xx), float64(80 + 4*yy), float64(200 - 3*xx)}
			if dx, dy := xx-10-i%5*2, yy-16; dx*dx+dy*dy < 60 {
				rgb = [3]float64{float64(220 - 15*i), float64(40 + 17*i), 70}
			}
			for k := range rgb {
				switch c.Group {
				case "gaussian_noise":
					rgb[k] += d.rng.NormFloat64() * 14 * float64(c.Level)
				case "fog":
					rgb[k] += (225 - rgb[k]) * 0.15 * float64(c.Level)
				}
				rgb[k] = min(max(rgb[k], 0), 255)
			}
			img.Set(x, y, color.NRGBA{uint8(rgb[0]), uint8(rgb[1]), uint8(rgb[2]), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (d *demoData) everything() Part {
	t := Table{Name: "everything", Title: "Every condition", Folded: true, Columns: []Column{{Name: "model"}, {Name: "corruption"}, {Name: "group"}, {Name: "severity", Kind: NumberKind}, {Name: "error", Kind: PercentKind, Decimals: 1}}}
	for m, name := range d.models {
		for k, row := range demoCorruptions {
			for s, e := range d.error[m][k] {
				ends := wilson(e)
				t.Rows = append(t.Rows, []Cell{Text(name), Text(row.Name), Text(row.Group), Num(float64(s)), NumIn(e, ends[0], ends[1])})
			}
		}
	}
	return t
}

// TestDemo writes the page and its files to the folder VISUS_DEMO, to be looked at, or else to nowhere.
func TestDemo(t *testing.T) {
	dir := os.Getenv("VISUS_DEMO")
	if dir == "" {
		dir = t.TempDir()
	}
	page := demo(t)
	if err := page.Save(dir); err != nil {
		t.Fatal(err)
	}
	for _, f := range append(page.Files(), File{Path: "report.html"}) {
		info, err := os.Stat(filepath.Join(dir, f.Path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() == 0 {
			t.Errorf("%s is empty", f.Path)
		}
		t.Logf("%8d %s", info.Size(), f.Path)
	}
}
