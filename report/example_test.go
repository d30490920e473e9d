package report_test

import (
	"fmt"
	"os"

	"visus/report"
	"visus/report/figure"
)

// A page with a number at a glance, a severity curve and a table, saved with its figure and table files.
func Example() {
	dir, err := os.MkdirTemp("", "report")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	curve := figure.Curves{
		X:     figure.Axis{Label: "severity"},
		Y:     figure.Axis{Label: "accuracy, %", Max: 1, Percent: true},
		Lines: []figure.Line{{Name: "resnet20", X: []float64{0, 1, 2}, Y: []float64{.92, .8, .6}, Low: []float64{.9, .77, .56}, High: []float64{.94, .83, .64}}},
	}
	scores := report.Table{
		Name: "scores", Title: "Scores",
		Columns: []report.Column{{Name: "model"}, {Name: "accuracy", Kind: report.PercentKind, Decimals: 1, Best: report.Highest}},
		Rows:    [][]report.Cell{{report.Text("resnet20"), report.NumIn(.92, .9, .94)}},
	}
	page := report.Page{
		Title: "Fog", Lead: []report.Key{{Label: "Clean accuracy", Value: "92 %", Detail: "90 to 94", Tone: report.Good}},
		Sections: []report.Section{{ID: "fog", Title: "Accuracy in fog", Parts: []report.Part{
			report.Chart{Name: "fog", Title: "Fog", Alt: "Accuracy falls from 92 to 60 %", Panels: []figure.Panel{{Chart: curve}}},
			scores,
		}}},
	}
	if err := page.Save(dir); err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range page.Files() {
		fmt.Println(f.Path)
	}
	// Output:
	// figures/fog.svg
	// figures/fog.png
	// tables/scores.csv
	// tables/scores.tex
}
