package humans

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"visus/trial"
)

// tables writes trials as the field does: observers of one data set, each with an answer to each image, "" for none.
func tables(t *testing.T, dataset string, answers map[string]map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for observer, said := range answers {
		var b strings.Builder
		b.WriteString(trial.FieldHeader + "\n")
		n := 0
		for image, answer := range said {
			n++
			category := strings.TrimRight(strings.Split(image, "-")[0], "0123456789")
			if answer == "" {
				answer = "na"
			}
			fmt.Fprintf(&b, "%s,1,%d,NaN,%s,%s,0,%04d_edg_s01_0_%s_00_%s.png\n", observer, n, answer, category, n, category, image)
		}
		if err := os.WriteFile(filepath.Join(root, trial.FileName(dataset, observer, 1)), []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func runOn(t *testing.T, o Options, roots ...string) (*Findings, error) {
	t.Helper()
	o.Trials = roots
	o.Resamples = 20
	return Study{Options: o}.Run(context.Background(), filepath.Join(t.TempDir(), "out"))
}

var cats = map[string]string{"cat1": "cat", "cat2": "dog", "dog1": "dog", "dog2": "cat"}

func TestBadTrials(t *testing.T) {
	write := func(name, text string) string {
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return root
	}
	head := trial.FieldHeader + "\n"
	row := "%s,1,1,NaN,cat,cat,0,0001_edg_s01_0_cat_00_%s.png\n"
	people := tables(t, "edge", map[string]map[string]string{"subject-01": cats, "subject-02": cats})
	for name, c := range map[string]struct {
		roots   []string
		options Options
		want    string
	}{
		"nothing in common": {[]string{people, tables(t, "edge", map[string]map[string]string{"net": {"bear1": "bear", "bear2": "cat"}})}, Options{},
			"humans: data set edge: net and subject-01 have no image in common: subject-01 saw cat1, cat2, dog1 and 1 more, which net did not; " +
				"expected the same images (their names without extension)"},
		"unknown category": {[]string{write("edge_net_session-1.csv", head+"net,1,1,NaN,cat,zebra,0,zebra1.png\n"), people}, Options{},
			`/edge_net_session-1.csv: row 2: responses: net: category "zebra" of stimulus "0/zebra1" is not among airplane, bear, bicycle, bird, boat and 11 more`},
		"unknown response": {[]string{write("edge_net_session-1.csv", head+"net,1,1,NaN,zebra,cat,0,cat1.png\n"), people}, Options{},
			`/edge_net_session-1.csv: row 2: responses: net: response "zebra" to stimulus "0/cat1" is not among airplane, bear, bicycle, bird, boat and 11 more`},
		"missing column": {[]string{write("edge_net_session-1.csv", "subj,session\n")}, Options{},
			"/edge_net_session-1.csv: the header has no column trial; its columns are subj, session"},
		"broken row": {[]string{write("edge_net_session-1.csv", head+fmt.Sprintf(row, "net", "cat1")+"net,1\n")}, Options{},
			"/edge_net_session-1.csv: row 3: 2 cells; the header has 8"},
		"twice": {[]string{write("edge_net_session-1.csv", head+fmt.Sprintf(row, "net", "cat1")+fmt.Sprintf(row, "net", "cat1")), people}, Options{},
			`/edge_net_session-1.csv: row 3: responses: net answered stimulus "0/cat1" twice`},
		"one observer": {[]string{tables(t, "edge", map[string]map[string]string{"net": cats})}, Options{},
			"humans: comparing needs at least two observers; the trials are all of net"},
		"no data set": {[]string{people}, Options{Datasets: []string{"sketch"}},
			"humans: there are no trials of a data set sketch; there are some of edge"},
		"strange name":   {[]string{people}, Options{Names: []string{"net"}}, `humans: name "net": expected MODEL=NAME`},
		"no such folder": {[]string{"nowhere"}, Options{}, "no such file or directory"},
		"model alone": {[]string{people}, Options{Showing: Showing{Models: []string{"net.onnx"}}},
			"humans: a model needs images to answer: give the folders of stimuli"},
	} {
		_, err := runOn(t, c.options, c.roots...)
		if err == nil || !strings.HasSuffix(filepath.ToSlash(err.Error()), c.want) {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
}

func TestCommonImagesOnly(t *testing.T) {
	people := tables(t, "edge", map[string]map[string]string{"subject-01": cats,
		"subject-02": {"cat1": "", "cat2": "dog", "dog1": "dog", "dog2": "dog"}})
	net := tables(t, "edge", map[string]map[string]string{"my_net": {"cat1": "cat", "cat2": "cat", "dog1": "dog"}})
	f, err := runOn(t, Options{}, people, net)
	if err != nil {
		t.Fatal(err)
	}
	d := f.Datasets[0]
	if d.Images != 3 || d.Others != 1 || len(d.Levels) != 1 || len(d.Levels[0].Scores) != 2 {
		t.Errorf("%d images, %d others, levels %+v", d.Images, d.Others, d.Levels)
	}
	if want := "edge: compared on the 3 of 4 images that all observers saw; my_net lacks 1, such as dog2"; len(f.Warnings) != 1 ||
		f.Warnings[0] != want {
		t.Errorf("warnings %q, want %s", f.Warnings, want)
	}
	if got := d.Scores[0]; got.Accuracy.Value != 0.5 || got.Unanswered != 1 { // 2 and 1 of 3
		t.Errorf("people: %+v", got)
	}
}

// One spelling of a model's name in file and table, another in another file.
func TestNamesOfModelsDifferInDashes(t *testing.T) {
	edge := tables(t, "edge", map[string]map[string]string{"my_net": cats, "subject-01": cats, "subject-02": cats})
	sketch := tables(t, "sketch", map[string]map[string]string{"my-net": cats, "subject-01": cats, "subject-02": cats})
	f, err := runOn(t, Options{}, edge, sketch)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Benchmarks) != 1 || len(f.Benchmarks[0].Rows) != 2 || f.Benchmarks[0].Rows[0].Observer != "my_net" {
		t.Errorf("benchmarks %+v", f.Benchmarks)
	}
}

func TestPeopleAlone(t *testing.T) {
	f, err := runOn(t, Options{}, tables(t, "edge", map[string]map[string]string{"subject-01": cats, "subject-02": cats}))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Benchmarks) != 0 || f.Datasets[0].Levels[0].Scores[0].ErrorConsistency.Value != 1 {
		t.Errorf("%+v", f.Datasets[0].Levels)
	}
	if want := "There are no models and people"; !strings.HasPrefix(f.Lines()[0], want) {
		t.Errorf("%q", f.Lines())
	}
}

func TestModelsAlone(t *testing.T) {
	f, err := runOn(t, Options{}, tables(t, "edge", map[string]map[string]string{"a": cats, "b": cats}))
	if err != nil {
		t.Fatal(err)
	}
	if k := f.Datasets[0].Consistency; k.AmongModels != 1 || k.People != 0 {
		t.Errorf("%+v", k)
	}
}

func TestLikePeople(t *testing.T) {
	one := map[string]string{}
	for i := range 40 {
		one[fmt.Sprintf("cat%d", i)] = []string{"cat", "dog"}[i%2]
	}
	other := map[string]string{}
	for image := range one {
		other[image] = "cat"
	}
	f, err := runOn(t, Options{}, tables(t, "edge", map[string]map[string]string{"subject-01": one, "subject-02": one, "same": one, "unlike": other}))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for _, v := range f.Verdicts {
		kinds[v.Model] = v.Kind
	}
	if kinds["same"] != likePeople || kinds["unlike"] != byChance {
		t.Errorf("verdicts %v", kinds)
	}
}

func TestOwnConditions(t *testing.T) {
	d := describe("mine", []string{"strong", "10", "2"})
	var labels []string
	for _, l := range d.Levels {
		labels = append(labels, l.Label)
	}
	if got := strings.Join(labels, " "); got != "2 10 strong" || d.Axis != "condition" {
		t.Errorf("levels %s of %s", got, d.Axis)
	}
	if d := describe("mine", []string{"0"}); len(d.Levels) != 0 {
		t.Errorf("one condition has levels %v", d.Levels)
	}
	if d := describe("colour", []string{"cr", "bw"}); len(d.Levels) != 2 || d.Levels[1].Label != "greyscale" || !d.Levels[0].LeftOut {
		t.Errorf("colour has %v", d.Levels)
	}
}

func TestLaTeXEscapes(t *testing.T) {
	b := Benchmark{Rows: []Row{{Name: "a_b", AccuracyRank: 1}, {Name: people}}}
	if text := b.AccuracyLaTeX(); !strings.Contains(text, `a\_b & \textbf{0.000} & \textbf{1.000} \\`) {
		t.Error(text)
	}
}
