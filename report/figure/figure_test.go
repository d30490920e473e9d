package figure

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/color"
	"image/png"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var nan = math.NaN()

func charts() map[string]Chart {
	return map[string]Chart{
		"curves": Curves{
			X: Axis{Label: "severity"}, Y: Axis{Label: "accuracy, %", Percent: true, Max: 1},
			Lines: []Line{
				{Name: "a", X: []float64{0, 1, 2, 3}, Y: []float64{.9, .8, nan, .3}, Low: []float64{.8, .7, nan, .2}, High: []float64{1, .9, nan, .4}},
				{Name: "<b> & co", X: []float64{0, 3}, Y: []float64{.5, .25}},
				{Name: "chance", X: []float64{0, 3}, Y: []float64{.1, .1}, Muted: true},
			}},
		"empty curves": Curves{},
		"bars": Bars{Names: []string{"fog", "snow"}, Value: Axis{Label: "error"}, Series: []Bar{
			{Name: "a", Values: []float64{.3, nan}, Low: []float64{.2, nan}, High: []float64{.4, nan}}, {Name: "b", Values: []float64{-.1, .2}}}},
		"heat": Heat{Rows: []string{"fog", "snow"}, Columns: []string{"1", "a long name"}, Values: [][]float64{{.1, .9}, {nan, 1}}, Percent: true},
		"scatter": Scatter{X: Axis{Min: 0, Max: 1}, Y: Axis{Names: []string{"cat", "dog"}},
			Lines: []Line{{Name: "chance", X: []float64{0, 1}, Y: []float64{0, 1}}},
			Series: []Dots{
				{Name: "<a>", X: []float64{.1, nan}, Y: []float64{0, 1}, XLow: []float64{0, nan}, XHigh: []float64{.2, nan}, Rule: .5, Ruled: true},
				{Name: "b", X: []float64{.99}, Y: []float64{1}, Labels: []string{"a label that needs room"}, YLow: []float64{.5}, YHigh: []float64{2}}}},
		"boxes":       Boxes{Names: []string{"a", "none"}, Values: [][]float64{{.1, .2, nan, .4, .9}, nil}},
		"reliability": Reliability{Bins: []Bin{{0, .5, 3, .4, .3}, {.5, 1, 0, nan, nan}}},
	}
}

func TestChartsDraw(t *testing.T) {
	for name, chart := range charts() {
		f := Figure{Panels: []Panel{{Title: "<" + name + ">", Chart: chart}, {Chart: chart}}}
		var a, b, p bytes.Buffer
		if err := errors.Join(f.SVG(&a), f.SVG(&b), f.PNG(&p)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: two drawings differ", name)
		}
		wellFormed(t, name, a.String())
		w, h, _ := f.extent()
		img, err := png.Decode(&p)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := img.Bounds().Dx(), w*pngDPI/72; math.Abs(float64(got)-want) > 1 {
			t.Errorf("%s: PNG is %d pixels wide, expected %.0f", name, got, want)
		}
		if strings.Contains(a.String(), "NaN") || h <= 0 {
			t.Errorf("%s: SVG holds NaN", name)
		}
	}
}

func wellFormed(t *testing.T, name, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// In a page every colour is a role of the page's, but for heat cells and the ink on them.
func TestInlineTakesThePagesColours(t *testing.T) {
	hex := regexp.MustCompile(`#[0-9A-Fa-f]{6}`)
	for name, chart := range charts() {
		svg, err := Panel{Title: "title", Chart: chart}.Inline()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wellFormed(t, name, svg)
		if !strings.Contains(svg, "currentColor") {
			t.Errorf("%s: text does not take the page's colour", name)
		}
		if found := hex.FindString(svg); found != "" && name != "heat" {
			t.Errorf("%s: fixed colour %s", name, found)
		}
		if strings.Contains(svg, "http") || strings.Contains(svg, "font-family") {
			t.Errorf("%s: holds a name space or a font of its own", name)
		}
	}
}

func TestChartErrors(t *testing.T) {
	for name, chart := range map[string]Chart{
		"2 x, 1 y":                   Curves{Lines: []Line{{Name: "short", X: []float64{1, 2}, Y: []float64{1}}}},
		"1 low and 0 high":           Curves{Lines: []Line{{X: []float64{1}, Y: []float64{1}, Low: []float64{1}}}},
		"expected 2 of each":         Bars{Names: []string{"a", "b"}, Series: []Bar{{Values: []float64{1}}}},
		"0 rows of values":           Heat{Rows: []string{"a"}},
		"has 0 values, expected 1":   Heat{Rows: []string{"a"}, Columns: []string{"b"}, Values: [][]float64{nil}},
		"is not a bin":               Reliability{Bins: []Bin{{Count: 1, Accuracy: nan}}},
		"are more than 14000 a side": Heat{Rows: make([]string, 1000), Columns: []string{"a"}, Values: make([][]float64, 1000)},
		"has no chart":               nil,
	} {
		err := Figure{Panels: []Panel{{Chart: chart}}}.SVG(io.Discard)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, expected an error with %q", err, name)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		axis      Axis
		low, high float64
		want      string
	}{
		{Axis{Percent: true}, 0, 1, "0 20 40 60 80 100"},
		{Axis{}, 0, 5, "0 1 2 3 4 5"},
		{Axis{}, -0.2, 0.2, "−0.2 −0.1 0.0 0.1 0.2"},
		{Axis{}, 0.001, 0.006, "0.001 0.002 0.003 0.004 0.005 0.006"},
		{Axis{Names: []string{"x", "y"}}, 0, 0, "x y"},
	} {
		var got []string
		for _, tick := range c.axis.Ticks(c.low, c.high) {
			got = append(got, tick.Label)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%g..%g: %q, expected %q", c.low, c.high, strings.Join(got, " "), c.want)
		}
	}
}

// Any finite range gets a few ticks, all inside.
func TestTicksProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(-1e6, 1e6).Draw(t, "low")
		high := low + rapid.Float64Range(1e-3, 1e6).Draw(t, "width")
		ticks := Axis{}.Ticks(low, high)
		if len(ticks) < 2 || len(ticks) > 8 {
			t.Fatalf("%d ticks", len(ticks))
		}
		for _, tick := range ticks {
			if slack := 1e-9 * (math.Abs(low) + math.Abs(high)); tick.Value < low-slack || tick.Value > high+slack {
				t.Fatalf("tick %v outside", tick.Value)
			}
		}
	})
}

func TestScalesAreUniformAndReadable(t *testing.T) {
	for name, scale := range map[string]func(float64) color.NRGBA{"light": Sequential, "dark": SequentialDark} {
		direction := luminance(scale(1)) - luminance(scale(0))
		for i := range 50 {
			a, b := scale(float64(i)/50), scale(float64(i+1)/50)
			if (luminance(b)-luminance(a))*direction <= 0 {
				t.Errorf("%s: lightness is not monotonic at step %d", name, i)
			}
			if c := Contrast(a, Ink(a)); c < 4.5 {
				t.Errorf("%s: contrast %.2f at step %d", name, c, i)
			}
		}
	}
	for i := range series {
		if c := Contrast(SeriesColour(i), paper); c < 4.5 {
			t.Errorf("series %d: contrast %.2f to white", i, c)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		v        float64
		percent  bool
		decimals int
		want     string
	}{{.5, true, 0, "50"}, {-1.25, false, 1, "−1.2"}, {-.001, false, 1, "0.0"}, {nan, true, 1, "–"}} {
		if got := Number(c.v, c.percent, c.decimals); got != c.want {
			t.Errorf("Number(%g) = %q, expected %q", c.v, got, c.want)
		}
	}
}

func BenchmarkSeverityPanels(b *testing.B) {
	panel := Panel{Title: "fog", Chart: charts()["curves"]}
	f := Figure{Panels: []Panel{panel, panel, panel, panel, panel, panel, panel, panel, panel, panel, panel, panel, panel, panel, panel, panel, panel, panel, panel}}
	for b.Loop() {
		if err := f.SVG(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func TestQuartiles(t *testing.T) {
	if _, ok := NewQuartiles([]float64{nan}); ok {
		t.Error("no numbers have quartiles")
	}
	got, ok := NewQuartiles([]float64{9, 1, nan, 2, 3, 4})
	if want := (Quartiles{1, 2, 3, 4, 4}); !ok || got != want { // 9 lies beyond 4 + 1.5·2
		t.Errorf("%+v, want %+v", got, want)
	}
}
