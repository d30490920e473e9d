package trial

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"visus/internal/golden"
)

func write(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const row = "subject-01,1,1,0.5,cat,cat,0,0001_edg_s01_0_cat_00_cat1.png\n"

func TestReadFolder(t *testing.T) {
	root := write(t, map[string]string{
		"edge/edge_subject-02_session_1.csv":   FieldHeader + "\n" + strings.ReplaceAll(row, "01,1", "02,1"),
		"edge/edge_subject-01_session_1.csv":   strings.Replace(FieldHeader, "session", "Session", 1) + "\n" + row,
		"performances/alexnet.csv":             PerformanceHeader + "\n",
		"edge/readme.txt":                      "no table",
		".cache/x.csv":                         "no table",
		"result/trials.csv":                    Header + "\n",
		"result/other.csv":                     "no table",
		"cue-conflict_alexnet_session-1.csv":   FieldHeader + "\n" + strings.ReplaceAll(row, "subject-01", "alexnet"),
		"sub/deep/sketch_alex_b_session-1.csv": FieldHeader + "\n",
	})
	tables, err := ReadFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, table := range tables {
		name, _ := filepath.Rel(root, table.Path)
		for _, r := range table.Trials {
			name += " " + r.Study + " " + r.Observer + " " + string(r.ObserverKind)
		}
		got = append(got, filepath.ToSlash(name))
	}
	want := []string{
		"cue-conflict_alexnet_session-1.csv cue-conflict alexnet model",
		"edge/edge_subject-01_session_1.csv edge subject-01 human",
		"edge/edge_subject-02_session_1.csv edge subject-02 human",
		"result/trials.csv",
		"sub/deep/sketch_alex_b_session-1.csv",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestReadFolderErrors(t *testing.T) {
	root := write(t, map[string]string{"a/x.csv": FieldHeader + "\n" + row + "subject-01,1\n", "b/x.csv": "subj,session\n", "c/x.txt": ""})
	for folder, want := range map[string]string{
		"a":       "a/x.csv: row 3: 2 cells; the header has 8",
		"b":       "b/x.csv: the header has no column trial; its columns are subj, session",
		"c":       "c holds no tables; expected files *.csv or *.csv.gz",
		"nowhere": fs.ErrNotExist.Error()[len("file does not "):],
	} {
		_, err := ReadFolder(filepath.Join(root, folder))
		if err == nil || folder != "nowhere" && filepath.ToSlash(err.Error()) != "trial: "+filepath.ToSlash(filepath.Join(root, ""))+"/"+want {
			t.Errorf("%s: %v; want …/%s", folder, err, want)
		}
	}
}

func TestGoldenFolderLayout(t *testing.T) {
	joined := 0
	for _, folder := range golden.Files(t, "humans/human-files", "*") {
		tables, err := ReadFolder(folder)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := readTable(filepath.Join(golden.Dir(t, "humans/human"), filepath.Base(folder)+".csv.gz"))
		if err != nil {
			t.Fatal(err)
		}
		var rows []Trial
		for _, table := range tables {
			if want := FileName(filepath.Base(folder), table.Trials[0].Observer, table.Trials[0].Session); filepath.Base(table.Path) != want {
				t.Errorf("%s; the field's name is %s", table.Path, want)
			}
			rows = append(rows, table.Trials...)
		}
		if len(rows) != len(whole.Trials) {
			t.Fatalf("%s: %d rows, %d in one file", folder, len(rows), len(whole.Trials))
		}
		for i := range rows {
			if a, b := rows[i], whole.Trials[i]; a.Stimulus != b.Stimulus || a.Observer != b.Observer || a.Response != b.Response ||
				a.Study != b.Study {
				t.Errorf("%s: row %d: %+v, in one file %+v", folder, i+2, a, b)
			}
		}
		joined += len(rows)
	}
	t.Logf("compared %d rows", joined)
}

// The counts are those of the folder's README.
func TestGoldenAllTables(t *testing.T) {
	root := golden.Dir(t, "humans")
	start, rows := time.Now(), 0
	for _, folder := range []string{"human", "human-2018", "human-2019", "human-files", "models-2018", "models-2019", "models-sin",
		"models-synthetic"} {
		if _, err := os.Stat(filepath.Join(root, folder)); err != nil {
			continue
		}
		tables, err := ReadFolder(filepath.Join(root, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			rows += len(table.Trials)
		}
	}
	t.Logf("read %d rows in %v", rows, time.Since(start))
	if rows == 0 {
		t.Error("no row was read")
	}
}

func BenchmarkReadFolder(b *testing.B) {
	folder := golden.Dir(b, "humans/human")
	n := 0
	for b.Loop() {
		tables, err := ReadFolder(folder)
		if err != nil {
			b.Fatal(err)
		}
		for _, table := range tables {
			n += len(table.Trials)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
}

func TestPerformances(t *testing.T) {
	text := "Metric_name,note,subj,DATASET_NAME,performance\r\naccuracy,x,\"a,b\",edge,0.5\r\n"
	list, err := ReadPerformances(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	list = SetPerformance(list, Performance{"a,b", "sketch", "accuracy", 0.25})
	list = SetPerformance(list, Performance{"a,b", "edge", "accuracy", 0.75})
	var b bytes.Buffer
	if err := WritePerformances(&b, list); err != nil {
		t.Fatal(err)
	}
	want := PerformanceHeader + "\n\"a,b\",edge,accuracy,0.75\n\"a,b\",sketch,accuracy,0.25\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	again, err := ReadPerformances(&b)
	if err != nil || !slices.Equal(again, list) {
		t.Errorf("read again: %v, %v", again, err)
	}
}

func TestPerformanceErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "trial: expected the header " + PerformanceHeader + ": EOF",
		"subj,metric_name\n":                  "trial: the header has no column dataset_name; its columns are subj, metric_name",
		PerformanceHeader + "\na,b,c\n":       "trial: row 2: 3 cells; the header has 4",
		PerformanceHeader + "\na,b,c,x\n":     "trial: row 2: column performance: \"x\" is not a number",
		PerformanceHeader + "\na,b,c,\"0.5\n": "trial: row 2: column 4: the file ends inside a quoted field",
	} {
		if _, err := ReadPerformances(strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
