package trial

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"visus/internal/golden"
)

func collect(t testing.TB, trials iter.Seq2[Trial, error]) []Trial {
	t.Helper()
	var out []Trial
	for row, err := range trials {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	return out
}

func table(t testing.TB, rows []Trial) string {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	for i := range rows {
		if err := w.Write(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func ptr(v float64) *float64 { return &v }

func TestTableIsReadable(t *testing.T) {
	got := table(t, []Trial{
		{Study: "corruption", Session: 1, Trial: 2, Observer: "resnet20", ObserverKind: Model, Stimulus: "cat/a, b.png", Category: "cat", Condition: "fog-3", Response: "dog",
			RT: math.NaN(), Confidence: float64(float32(0.9)), Extras: Extras{Top5: []string{"dog", `the "cat"`}, Probabilities: []float64{float64(float32(0.9)), 1e-7}, TrueProbability: ptr(math.NaN()), Other: map[string]any{"n": 3, "a": nil}}},
		{Study: "s", Observer: "subject-01", ObserverKind: Human, Stimulus: "line\nbreak", Response: "cat", Category: "cat", Correct: true, RT: 0.1, Confidence: math.NaN()},
	})
	want := Header + "\n" +
		`corruption,1,2,resnet20,model,"cat/a, b.png",cat,fog-3,dog,false,,0.9,"{""top5"":[""dog"",""the \""cat\""""],""probabilities"":[0.9,1e-07],""p_true"":null,""a"":null,""n"":3}"` + "\n" +
		"s,0,0,subject-01,human,\"line\nbreak\",cat,,cat,true,0.1,,\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

var text = rapid.OneOf(rapid.String(), rapid.StringMatching(`[a,"\n\r é猫\\]*`), rapid.SampledFrom([]string{"", "cat", "dog", `"`, "\r\n", "na", " x "}))

func float32s() *rapid.Generator[float64] {
	return rapid.Custom(func(t *rapid.T) float64 {
		return rapid.OneOf(rapid.Map(rapid.Float32Range(0, 1), func(v float32) float64 { return float64(v) }), rapid.Just(math.NaN())).Draw(t, "p")
	})
}

func trials() *rapid.Generator[Trial] {
	return rapid.Custom(func(t *rapid.T) Trial {
		row := Trial{
			Study: text.Draw(t, "study"), Session: rapid.Int().Draw(t, "session"), Trial: rapid.Int().Draw(t, "trial"),
			Observer: text.Draw(t, "observer"), ObserverKind: rapid.SampledFrom([]Kind{Human, Model}).Draw(t, "kind"), Stimulus: text.Draw(t, "stimulus"),
			Category: text.Draw(t, "category"), Condition: text.Draw(t, "condition"), Response: text.Draw(t, "response"), Correct: rapid.Bool().Draw(t, "correct"),
			RT: rapid.OneOf(rapid.Float64(), rapid.Just(math.NaN())).Draw(t, "rt"), Confidence: float32s().Draw(t, "confidence"),
		}
		if rapid.Bool().Draw(t, "top5") {
			row.Extras.Top5 = rapid.SliceOfN(text, 1, 5).Draw(t, "names")
			row.Extras.Probabilities = rapid.SliceOfN(float32s(), 1, 5).Draw(t, "probabilities")
		}
		if rapid.Bool().Draw(t, "p") {
			row.Extras.TrueProbability = ptr(rapid.Map(rapid.Float32Range(0, 1), func(v float32) float64 { return float64(v) }).Draw(t, "p_true"))
		}
		if rapid.Bool().Draw(t, "other") {
			row.Extras.Other = map[string]any{"k" + text.Draw(t, "key"): rapid.SampledFrom([]any{"x", nil, true, json.Number("12345678901234567890"), []any{json.Number("1.50")}}).Draw(t, "value")}
		}
		return row
	})
}

// same compares with NaN equal to NaN.
func same(a, b Trial) bool { return fmt.Sprintf("%#v", flat(a)) == fmt.Sprintf("%#v", flat(b)) }

func flat(t Trial) []any {
	p := math.Inf(-1)
	if t.Extras.TrueProbability != nil {
		p = *t.Extras.TrueProbability
	}
	t.Extras.TrueProbability = nil
	return []any{t, p}
}

func TestReadIsTheInverseOfWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(trials(), 0, 8).Draw(t, "rows")
		var out bytes.Buffer
		w := NewWriter(&out)
		for i := range rows {
			if err := w.Write(&rows[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		i := 0
		for got, err := range Read(iotest.OneByteReader(bytes.NewReader(out.Bytes()))) {
			if err != nil {
				t.Fatal(err)
			}
			if !same(got, rows[i]) {
				t.Fatalf("row %d: got\n%#v\nwant\n%#v", i, flat(got), flat(rows[i]))
			}
			i++
		}
		if i != len(rows) {
			t.Fatalf("read %d of %d rows", i, len(rows))
		}
	})
}

func TestReadOthersTables(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Trial
	}{
		{"few columns in another order", "\ufeffStimulus, Observer,condition,response,category\r\na.png,vgg,c,cat,cat\r\n\r\n",
			Trial{Observer: "vgg", ObserverKind: Model, Stimulus: "a.png", Condition: "c", Response: "cat", Category: "cat", Correct: true, RT: math.NaN(), Confidence: math.NaN()}},
		{"more columns", "observer,stimulus,category,condition,response,correct,age,extras\nsubject-1,a,cat,,dog,False,34,\"{ \"\"p_true\"\" : 0.5, \"\"note\"\":\"\"x\"\"}\"",
			Trial{Observer: "subject-1", ObserverKind: Human, Stimulus: "a", Category: "cat", Response: "dog", RT: math.NaN(), Confidence: math.NaN(),
				Extras: Extras{TrueProbability: ptr(0.5), Other: map[string]any{"age": "34", "note": "x"}}}},
		{"the field's", "subj,Session,trial,rt,object_response,category,condition,imagename,entropy\nsubject-01,2,3,NaN,na,car,0.90,x.png,1.50\n",
			Trial{Session: 2, Trial: 3, Observer: "subject-01", ObserverKind: Human, Stimulus: "x.png", Category: "car", Condition: "0.90", RT: math.NaN(), Confidence: math.NaN(),
				Extras: Extras{Other: map[string]any{"entropy": "1.50"}}}},
	} {
		got := collect(t, Read(strings.NewReader(c.text)))
		if len(got) != 1 || !same(got[0], c.want) {
			t.Errorf("%s: got %d rows\n%#v\nwant\n%#v", c.name, len(got), got, c.want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	const header = "observer,stimulus,category,condition,response,session,correct,rt_seconds,observer_kind,extras\n"
	for _, c := range []struct{ text, want string }{
		{"", "trial: the table is empty; expected the header " + Header},
		{"observer,stimulus,condition,response\n", "trial: the header has no column category; its columns are observer, stimulus, condition, response"},
		{"subj,session,trial,rt,object_response,category,condition\n", "trial: the header has no column imagename; its columns are subj, session, trial, rt, object_response, category, condition"},
		{"observer,Observer\n", "trial: the header has two columns observer"},
		{header + "a,b\n", "trial: row 2: 2 cells; the header has 10"},
		{header + "o,s,c,c,r,1,true,1,model,\no,s,c,c,r,x,true,1,model,\n", `trial: row 3: column session: "x" is not a whole number`},
		{header + "o,s,c,c,r,1,yes,1,model,\n", `trial: row 2: column correct: "yes" is neither true nor false`},
		{header + "o,s,c,c,r,1,true,1s,model,\n", `trial: row 2: column rt_seconds: "1s" is not a number`},
		{header + "o,s,c,c,r,1,true,1,robot,\n", `trial: row 2: column observer_kind: "robot" is neither human nor model`},
		{header + "o,s,c,c,r,1,true,1,model,[]\n", "trial: row 2: column extras: expected a JSON object: json: cannot unmarshal array into Go value of type map[string]json.RawMessage"},
		{header + "o,\"s,c,c,r", "trial: row 2: column 2: the file ends inside a quoted field"},
		{header + "o,\"s\"x,c,c,r", "trial: row 2: column 2: text follows a closing quote"},
		{header + "o,\"" + strings.Repeat("x", 3*maxRow), "trial: row 2 is longer than 1048576 bytes; is a quote missing?"},
		{FieldHeader + "\ns,1,1,1,,c,c,i\n", "trial: row 2: column object_response: the cell is empty; expected a category, or na where there was no answer"},
	} {
		var got error
		for _, err := range Read(strings.NewReader(c.text)) {
			if got != nil {
				t.Errorf("reading went on after %v", got)
			}
			got = err
		}
		if got == nil || got.Error() != c.want {
			t.Errorf("got  %v\nwant %s", got, c.want)
		}
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, FieldHeader+"\nsubject-01,1,1,0.5,cat,cat,0,a\nsubject-01,1,2,0.5x,cat,cat,0,a\n")
	z.Close()
	path := filepath.Join(dir, "edge_subject-01_session_1.csv.gz")
	if err := os.WriteFile(path, zipped.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	var rows []Trial
	var got error
	for row, err := range ReadFile(path) {
		if rows, got = append(rows, row), err; err != nil {
			break
		}
	}
	if want := "trial: " + path + `: row 3: column rt: "0.5x" is not a number`; got == nil || got.Error() != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	if rows[0].Study != "edge" {
		t.Errorf("study %q; want edge", rows[0].Study)
	}
	for _, err := range ReadFile(filepath.Join(dir, "none.csv")) {
		if err == nil || !strings.Contains(err.Error(), "none.csv") {
			t.Error(err)
		}
	}
}

type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, fmt.Errorf("no space left on device")
	}
	return len(p), nil
}

func TestWriterKeepsTheFirstError(t *testing.T) {
	w := NewWriter(&full{left: 100 << 10})
	row := Trial{Observer: "x"}
	var err error
	for range 100_000 {
		if err = w.Write(&row); err != nil {
			break
		}
	}
	if err == nil || w.Write(&row) != err || w.Flush() != err {
		t.Errorf("error %v was not kept", err)
	}
	w = NewWriter(io.Discard)
	if err := w.Write(&Trial{Extras: Extras{Other: map[string]any{"f": func() {}}}}); err == nil || !strings.HasPrefix(err.Error(), `trial: extra "f": json: unsupported type`) {
		t.Error(err)
	}
}

func TestWriterDoesNotAllocate(t *testing.T) {
	row := modelRow()
	w := NewWriter(io.Discard)
	if n := testing.AllocsPerRun(5000, func() { w.Write(&row) }); n > 0 {
		t.Errorf("%v allocations a row", n)
	}
}

// rewrite reads a table of the field and writes it again.
func rewrite(t testing.TB, r io.Reader) (string, int) {
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(string(data), "\n")
	var out bytes.Buffer
	w := NewFieldWriter(&out, strings.Split(header, ",")[len(fieldColumns):]...)
	n := 0
	for row, err := range Read(bytes.NewReader(data)) {
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(&row); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := out.Bytes(); !bytes.Equal(got, data) {
		a, b := strings.Split(out.String(), "\n"), strings.Split(string(data), "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("row %d: got\n%s\nwant\n%s", i+1, a[i], b[i])
			}
		}
		t.Fatalf("%d lines; want %d", len(a), len(b))
	}
	return out.String(), n
}

func TestFieldTableIsKept(t *testing.T) {
	_, n := rewrite(t, strings.NewReader(FieldHeader+",object_response_sums\n"+
		"subject-01,1,1,0.809490,na,oven,c50,0001_cop_s01_c50_oven_10_n04111531_23046.png,\n"+
		"resnet50,1,2,NaN,car,car,NaN,\"a,b.png\",boat\n"+
		"subject-02,2,1,0.868942022323608,knife,knife,0.00,x.png,\n"))
	if n != 3 {
		t.Errorf("%d rows", n)
	}
}

func TestGoldenFieldTables(t *testing.T) {
	files, rows := 0, 0
	for _, pattern := range []string{"human*/*.csv.gz", "models-*/*.csv.gz", "human-files/*/*.csv"} {
		for _, path := range golden.Files(t, "humans", pattern) {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			var r io.Reader = f
			if strings.HasSuffix(path, ".gz") {
				if r, err = gzip.NewReader(f); err != nil {
					t.Fatal(err)
				}
			}
			_, n := rewrite(t, r)
			f.Close()
			if n == 0 {
				t.Errorf("%s: no rows", path)
			}
			files, rows = files+1, rows+n
		}
	}
	t.Logf("compared %d cases of %d rows", files, rows)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(table(f, []Trial{modelRow()})))
	f.Add([]byte(FieldHeader + "\nsubject-01,1,1,0.5,na,cat,0,\"a\"\"b\r\n\"\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var rows []Trial
		for row, err := range Read(bytes.NewReader(data)) {
			if err != nil {
				return
			}
			rows = append(rows, row)
		}
		again := collect(t, Read(strings.NewReader(table(t, rows))))
		twice := collect(t, Read(strings.NewReader(table(t, again))))
		if len(again) != len(rows) || len(twice) != len(again) {
			t.Fatalf("%d rows became %d, then %d", len(rows), len(again), len(twice))
		}
		for i := range again {
			if !same(again[i], twice[i]) {
				t.Errorf("row %d:\n%#v\n%#v", i, flat(again[i]), flat(twice[i]))
			}
		}
	})
}

func FuzzExtras(f *testing.F) {
	f.Add([]byte(`{"top5":["a","b"],"probabilities":[0.5,1e-07],"p_true":0}`))
	f.Add([]byte(`{"probabilities":[00.5]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		fast, ok := parseExtras(text, func(b []byte) string { return string(b) })
		if !ok {
			return
		}
		var slow Extras
		if err := json.Unmarshal(text, &slow); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !reflect.DeepEqual(fast, slow) {
			t.Errorf("%s: %#v, but JSON says %#v", text, fast, slow)
		}
	})
}

// modelRow is what a classifier gives.
func modelRow() Trial {
	e := Extras{Top5: []string{"tabby", "tiger cat", "lynx", "Egyptian cat", "remote control"}, TrueProbability: ptr(float64(float32(0.0312)))}
	for _, p := range []float32{0.81234, 0.0912345, 0.0312, 0.01, 1.2345e-5} {
		e.Probabilities = append(e.Probabilities, float64(p))
	}
	return Trial{Study: "corruption", Session: 1, Trial: 12345, Observer: "resnet50", ObserverKind: Model, Stimulus: "n02123045/ILSVRC2012_val_00012345.JPEG", Category: "n02123045",
		Condition: "gaussian_noise-3", Response: "n02123045", Correct: true, RT: math.NaN(), Confidence: float64(float32(0.81234)), Extras: e}
}

func BenchmarkWrite(b *testing.B) {
	w, row := NewWriter(io.Discard), modelRow()
	b.ReportAllocs()
	for b.Loop() {
		row.Trial++
		if err := w.Write(&row); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkRead(b *testing.B) {
	human := "subject-01,1,1,0.809490,oven,oven,c50,0001_cop_s01_c50_oven_10_n04111531_23046.png\n"
	for _, c := range []struct{ name, text string }{
		{"model", table(b, []Trial{modelRow()})},
		{"field", FieldHeader + "\n" + human},
	} {
		b.Run(c.name, func(b *testing.B) {
			header, row, _ := strings.Cut(c.text, "\n")
			const rows = 1000
			data := header + "\n" + strings.Repeat(row, rows)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				for _, err := range Read(strings.NewReader(data)) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
