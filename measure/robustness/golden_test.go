package robustness

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"visus/internal/golden"
)

// readCSV returns a file's rows by column name.
func readCSV(t *testing.T, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil || len(lines) == 0 {
		t.Fatalf("%s: %d lines, %v", path, len(lines), err)
	}
	rows := make([]map[string]string, 0, len(lines)-1)
	for _, line := range lines[1:] {
		r := map[string]string{}
		for i, name := range lines[0] {
			r[name] = line[i]
		}
		rows = append(rows, r)
	}
	return rows
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestGoldenAlexNet(t *testing.T) {
	compared := 0
	for _, path := range golden.Files(t, "corruptions/tables", "alexnet_baseline*.csv") {
		single, means := AlexNet5000(), AlexNet50000()
		for _, r := range readCSV(t, path) {
			c := r["corruption"]
			for s := 1; s <= Severities; s++ {
				if got, ok := single.Cell(c, s); !ok || got != number(t, r["s"+strconv.Itoa(s)]) {
					t.Errorf("%s at severity %d: %g, want %s", c, s, got, r["s"+strconv.Itoa(s)])
				}
			}
			if got, err := single.Mean(c); err != nil || math.Abs(got-number(t, r["alexnet_error_5k_mean"])) > 1e-9 {
				t.Errorf("%s: mean %g, %v, want %s", c, got, err, r["alexnet_error_5k_mean"])
			}
			if got, err := means.Mean(c); err != nil || got != number(t, r["alexnet_error_50k"]) {
				t.Errorf("%s: mean of 50,000 images %g, %v, want %s", c, got, err, r["alexnet_error_50k"])
			}
			compared += Severities + 2
		}
	}
	if compared == 0 {
		t.Fatal("nothing was compared")
	}
	t.Logf("compared %d numbers", compared)
}

// errorTables reads the tables of all models of a file of errors.
func errorTables(t *testing.T, path string) map[string]*ErrorTable {
	t.Helper()
	tables := map[string]*ErrorTable{}
	for _, r := range readCSV(t, path) {
		table := tables[r["model"]]
		if table == nil {
			table = &ErrorTable{}
			tables[r["model"]] = table
		}
		must(t, table.Set(r["corruption"], int(number(t, r["severity"])), number(t, r["error"])))
	}
	return tables
}

func TestGoldenSummaries(t *testing.T) {
	cases := 0
	for _, path := range golden.Files(t, "corruptions/tables", "*_errors.csv") {
		tables := errorTables(t, path)
		summary := readCSV(t, strings.TrimSuffix(path, "_errors.csv")+"_summary.csv")
		if len(summary) != len(tables) {
			t.Errorf("%s: %d models, %d in the summary", path, len(tables), len(summary))
		}
		compared := 0
		for _, want := range summary {
			table := tables[want["model"]]
			if table == nil {
				t.Errorf("%s: no errors of %s", path, want["model"])
				continue
			}
			compared += compareSummary(t, *table, want)
		}
		if compared == 0 {
			t.Errorf("%s: nothing was compared", path)
		}
		cases += compared
	}
	t.Logf("compared %d scores", cases)
}

// compareSummary compares the scores that the row has and returns their number.
func compareSummary(t *testing.T, model ErrorTable, want map[string]string) int {
	t.Helper()
	if want["clean_error"] != "" {
		must(t, model.SetClean(number(t, want["clean_error"])))
	}
	compared := 0
	for column, score := range map[string]func() (float64, error){
		"mean_error":              func() (float64, error) { return MeanError(model, nil, nil) },
		"mce_robustbench_alexnet": func() (float64, error) { return MeanCorruptionError(model, AlexNet5000()) },
		"mce_augmix_alexnet":      func() (float64, error) { return MeanCorruptionError(model, AlexNet50000()) },
		"relative_mce":            func() (float64, error) { return RelativeMeanCorruptionError(model, AlexNet5000()) },
	} {
		if want[column] == "" {
			continue
		}
		compared++
		const tolerance = 1e-3 // of the specification; the file has four digits or more
		if got, err := score(); err != nil || math.Abs(got-number(t, want[column])) > tolerance {
			t.Errorf("%s: %s = %g, %v, want %s", want["model"], column, got, err, want[column])
		}
	}
	return compared
}
