package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"visus/report/figure"
)

// golden compares with testdata/NAME, or writes it where VISUS_REWRITE is set.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("VISUS_REWRITE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (VISUS_REWRITE=1 accepts):\n%s", path, got)
	}
}

func small() Table {
	return Table{
		Name: "small", Title: "Scores of R&D_1", Caption: "100 % made up.", Columns: []Column{
			{Name: "model"}, {Name: "accuracy", Kind: PercentKind, Decimals: 1, Best: Highest}, {Name: "loss", Unit: "nats", Kind: NumberKind, Decimals: 2, Best: Lowest}},
		Rows: [][]Cell{
			{Text("a_b <script>"), NumIn(.5, .45, .55), Num(1.25)},
			{Text(`c\d, "e"`), Num(.625), Num(math.NaN())},
		},
	}
}

func TestSmallPartsGolden(t *testing.T) {
	var b bytes.Buffer
	if err := small().WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "small.csv", b.String())
	b.Reset()
	if err := small().WriteLaTeX(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "small.tex", b.String())
	for name, part := range map[string]Part{
		"table.html": small(),
		"note.html":  Note{Tone: Warn, Title: "<b>", Text: []string{"run `a < b`"}, Items: []string{"x & y"}},
		"heatmap.html": HeatMap{Title: "T", Alt: "A", Rows: []Row{{"fog", "weather"}, {"snow", "weather"}}, Max: 1, Percent: true, Scale: "error, %",
			Panels: []HeatPanel{{Title: "m", Columns: []string{"1", "2"}, Values: [][]float64{{0, .5}, {1, nan}}, Intervals: [][][2]float64{{{0, .1}, {.4, .6}}, {{.9, 1}, {nan, nan}}}}}},
		"matrix.html":  Matrix{Title: "M", Alt: "A", Classes: []string{"cat", "dog"}, Counts: [][]int{{9, 1}, {0, 0}}},
		"details.html": Details{Facts: []Fact{{"seed", "1"}}, Command: "visus examine 'a b.onnx' && echo <ok>"},
	} {
		html, err := part.html(&renderer{names: map[string]bool{}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		golden(t, name, string(html)+"\n")
	}
}

func render(t *testing.T, p Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var scripts = regexp.MustCompile(`(?s)<(script|style)[^>]*>.*?</(script|style)>`)

func TestPageIsOneWellFormedFile(t *testing.T) {
	text := render(t, demo(t))
	if again := render(t, demo(t)); again != text {
		t.Error("the same page gave other bytes")
	}
	if found := regexp.MustCompile(`(?i)(https?:|//[a-z]|@import|url\()[^\n]{0,40}`).FindString(scripts.ReplaceAllString(text, "")); found != "" {
		t.Errorf("the page refers to something outside: %s", found)
	}
	if found := regexp.MustCompile(`(?i)https?://|@import|url\(`).FindString(text); found != "" {
		t.Errorf("a script or style refers to something outside: %s", found)
	}
	d := xml.NewDecoder(strings.NewReader(scripts.ReplaceAllString(text, "")))
	d.Strict, d.AutoClose, d.Entity = false, []string{"meta", "link", "input", "br", "img"}, xml.HTMLEntity
	depth := 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			depth++
			checkElement(t, e)
		case xml.EndElement:
			depth--
		}
	}
	if depth != 0 {
		t.Errorf("%d elements are not closed", depth)
	}
}

// checkElement looks for what a reader without eyes or mouse needs.
func checkElement(t *testing.T, e xml.StartElement) {
	t.Helper()
	at := map[string]string{}
	for _, a := range e.Attr {
		at[a.Name.Local] = a.Value
	}
	if (at["role"] == "img" || e.Name.Local == "table" && at["class"] != "confusions") && at["aria-label"] == "" {
		t.Errorf("<%s class=%q> has no label", e.Name.Local, at["class"])
	}
	if e.Name.Local == "th" && at["scope"] == "" {
		t.Error("<th> without scope")
	}
	if e.Name.Local == "svg" && at["aria-hidden"] != "true" {
		t.Error("an SVG drawing is read out beside its label")
	}
}

func TestHostileNames(t *testing.T) {
	const evil = `</script><script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	png := []byte("\x89PNG\r\n\x1a\n")
	text := render(t, Page{Title: evil, Subtitle: evil, Summary: []string{"`" + evil}, Lead: []Key{{evil, evil, evil, Good}}, Sections: []Section{{
		"s", evil, []string{evil}, []Part{
			Note{Title: evil, Text: []string{evil}, Items: []string{evil}},
			Table{Title: evil, Caption: evil, Columns: []Column{{Name: evil}}, Rows: [][]Cell{{Text(evil)}}},
			HeatMap{Title: evil, Alt: evil, Scale: evil, Rows: []Row{{evil, evil}}, Panels: []HeatPanel{{Title: evil, Columns: []string{evil}, Values: [][]float64{{1}}}}},
			Matrix{Title: evil, Alt: evil, Classes: []string{evil}, Counts: [][]int{{1}}},
			Chart{Title: evil, Alt: evil, Panels: []figure.Panel{{Title: evil, Chart: figure.Curves{Lines: []figure.Line{{Name: evil}, {Name: evil}}}}}},
			Browser{Title: evil, GroupName: evil, LevelName: evil, Observers: []string{evil, evil}, Conditions: []Condition{{Name: "clean"}, {evil, evil, 1}},
				Items: []Item{{evil, evil, []View{{0, png, []Answer{{Response: evil}, {}}}, {1, png, []Answer{{Response: evil}, {}}}}}}},
			Details{Title: evil, Facts: []Fact{{evil, evil}}, Command: evil},
		}}}})
	if strings.Contains(text, "<script>alert") || strings.Contains(text, "<img src=x") {
		t.Error("a hostile name became markup")
	}
	if n := strings.Count(text, "</script>"); n != 2 {
		t.Errorf("%d scripts end, expected 2: data and code", n)
	}
}

func TestPageErrors(t *testing.T) {
	section := func(parts ...Part) Page { return Page{Title: "t", Sections: []Section{{ID: "s", Parts: parts}}} }
	heat := HeatMap{Name: "x", Alt: "a"}
	for want, page := range map[string]Page{
		"no title":                        {},
		`section ID "Bad ID"`:             {Title: "t", Sections: []Section{{ID: "Bad ID"}}},
		`section ID "a" is used twice`:    {Title: "t", Sections: []Section{{ID: "a"}, {ID: "a"}}},
		`file name "x" is used twice`:     section(heat, heat),
		`file name "../x"`:                section(HeatMap{Name: "../x", Alt: "a"}),
		"lacks an alternative text":       section(Chart{Title: "c"}),
		"row 1 has 2 cells, expected 1":   section(Table{Columns: []Column{{Name: "a"}}, Rows: [][]Cell{{Num(1), Num(2)}}}),
		"0 rows of values, expected 1":    section(HeatMap{Alt: "a", Rows: []Row{{"r", ""}}, Panels: []HeatPanel{{}}}),
		"0 rows, expected 1":              section(Matrix{Alt: "a", Classes: []string{"c"}}),
		"neither PNG nor JPEG":            section(Browser{Conditions: []Condition{{}}, Items: []Item{{Views: []View{{}}}}}),
		"not shown in the reference":      section(Browser{Conditions: []Condition{{}}, Items: []Item{{}}}),
		"no conditions":                   section(Browser{}),
		"condition 3 of 1 with 0 answers": section(Browser{Conditions: []Condition{{}}, Items: []Item{{Views: []View{{Condition: 3}}}}}),
	} {
		var b bytes.Buffer
		if err := page.Write(&b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, expected an error with %q", err, want)
		}
		if b.Len() > 0 {
			t.Errorf("%q: %d bytes were written before the error", want, b.Len())
		}
	}
}

// Text of every role is readable on every ground that it stands on, in both schemes; curves have the figures' colours.
func TestContrasts(t *testing.T) {
	roles := map[string][2]color.NRGBA{}
	for _, m := range regexp.MustCompile(`--(\w+): light-dark\(#(\w{6}), #(\w{6})\)`).FindAllStringSubmatch(asset("style.css"), -1) {
		roles[m[1]] = [2]color.NRGBA{hex(t, m[2]), hex(t, m[3])}
	}
	for scheme := range 2 {
		for _, ground := range []string{"bg", "panel"} {
			for _, role := range []string{"ink", "quiet", "link", "good", "warn", "bad", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"} {
				if _, ok := roles[role]; !ok {
					t.Fatalf("the style sheet has no --%s", role)
				}
				if c := figure.Contrast(roles[role][scheme], roles[ground][scheme]); c < 4.5 {
					t.Errorf("scheme %d: --%s on --%s has contrast %.2f, expected 4.5", scheme, role, ground, c)
				}
			}
			if c := figure.Contrast(roles["muted"][scheme], roles[ground][scheme]); c < 3 {
				t.Errorf("scheme %d: --muted on --%s has contrast %.2f, expected 3 (lines)", scheme, ground, c)
			}
		}
	}
	for i := range 8 {
		if got := roles["s"+strconv.Itoa(i)][0]; got != figure.SeriesColour(i) {
			t.Errorf("--s%d is %v in the page and %v in files", i, got, figure.SeriesColour(i))
		}
	}
}

func hex(t *testing.T, s string) color.NRGBA {
	t.Helper()
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	return color.NRGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 0xff}
}

func TestCSVRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~\n√äé"',;]*`)
		a, b, v := text.Draw(t, "a"), text.Draw(t, "b"), rapid.Float64().Draw(t, "v")
		var out bytes.Buffer
		table := Table{Columns: []Column{{Name: a}, {Name: "v", Kind: NumberKind}}, Rows: [][]Cell{{Text(b), Num(v)}}}
		if err := table.WriteCSV(&out); err != nil {
			t.Fatal(err)
		}
		got, err := csv.NewReader(&out).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		number, err := strconv.ParseFloat(got[1][1], 64)
		if got[0][0] != a || got[1][0] != b || err != nil || number != v {
			t.Fatalf("%q became %q", []string{a, b}, got)
		}
	})
}

// What is left after removing our own commands holds nothing that LaTeX treats specially.
func TestLaTeXEscapesEverything(t *testing.T) {
	known := regexp.MustCompile(`\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar)\{\}|\\[{}$&#%_]|\$(-|\\times|\\pm)\$`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[ -~×±−–\n]*`).Draw(t, "s")
		if rest := known.ReplaceAllString(latex(s), ""); strings.ContainsAny(rest, "\\{}$&#%_~^<>|\"\n") {
			t.Fatalf("%q became %q", s, latex(s))
		}
	})
}

// However many classes, no answer is lost in the condensed matrix.
func TestMatrixKeepsAllCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "classes")
		m := Matrix{Classes: make([]string, n), Counts: make([][]int, n)}
		want, right := 0, 0
		for i := range n {
			m.Counts[i] = rapid.SliceOfN(rapid.IntRange(0, 9), n, n).Draw(t, "row")
			want += sum(m.Counts[i])
			right += m.Counts[i][i]
		}
		shown := m.condensed()
		if err := shown.check(); err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, row := range shown.Counts {
			got += sum(row)
		}
		if got != want || len(shown.Classes) != min(n, MaxClasses) {
			t.Fatalf("%d answers in %d classes, expected %d in %d", got, len(shown.Classes), want, min(n, MaxClasses))
		}
		wrong := 0
		for _, c := range m.Confusions(n * n) {
			wrong += c.Count
		}
		if wrong != want-right {
			t.Fatalf("%d confusions, expected %d", wrong, want-right)
		}
	})
}

type inner struct {
	Deep int `json:"deep"`
}

type sample struct {
	Zed   string             `json:"z"`
	Map   map[string]float64 `json:"map"`
	IDs   map[int][]int      `json:"ids"`
	Empty []int              `json:"empty,omitempty"`
	Skip  int                `json:"-"`
	Time  time.Time          `json:"time"`
	Ptr   *float64           `json:"ptr"`
	inner
	Any    any     `json:"any"`
	Bytes  []byte  `json:"bytes"`
	Zero   inner   `json:"zero,omitzero"`
	F      float32 // without a tag
	hidden int
}

// Without NaN, findings.json is what encoding/json writes; with it, null.
func TestWriteJSON(t *testing.T) {
	x := 1e-7
	v := sample{Zed: "<é>", Map: map[string]float64{"b": 2, "a": 1}, IDs: map[int][]int{10: {1}, 9: nil}, Time: time.Unix(0, 0).UTC(),
		Ptr: &x, inner: inner{3}, Any: []any{1, "x", nil}, Bytes: []byte("hi"), F: 0.1, hidden: 4}
	var b bytes.Buffer
	if err := WriteJSON(&b, v); err != nil {
		t.Fatal(err)
	}
	want, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want)+"\n" {
		t.Errorf("got %s\nexpected %s", b.String(), want)
	}
	x = math.NaN()
	v.Map["a"], v.Any, v.F = math.Inf(1), [2]float64{1, math.NaN()}, float32(math.NaN())
	b.Reset()
	if err := WriteJSON(&b, map[string]any{"v": v, "nan": math.NaN()}); err != nil {
		t.Fatal(err)
	}
	golden(t, "nan.json", b.String())
	if err := WriteJSON(io.Discard, map[string]any{"c": make(chan int)}); err == nil {
		t.Error("a channel is no JSON, expected an error")
	}
}
