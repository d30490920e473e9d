package experiment

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"visus/internal/progress"
	"visus/stimulus/raster"
	"visus/trial"
)

// images writes small images of each category.
func images(t *testing.T, counts map[string]int) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "my_photos")
	for category, n := range counts {
		for i := range n {
			img := raster.New(12, 10)
			img.Pix[0] = uint8(i)
			path := filepath.Join(root, category, fmt.Sprintf("%s%d.png", category, i))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := img.WritePNG(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func names(t *testing.T, folder string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestEverybodySeesABalancedSet(t *testing.T) {
	out := t.TempDir()
	o := Options{Images: images(t, map[string]int{"cat": 9, "dog": 6, "boat": 7}), Subjects: 3, Size: 8, Seed: 4}
	w, err := Write(context.Background(), o, out, progress.Silent())
	if err != nil {
		t.Fatal(err)
	}
	if want := (Written{Images: 18, Categories: 3, Conditions: 1, Files: 72, Dataset: "my-photos"}); w != want {
		t.Errorf("%+v, want %+v", w, want)
	}
	seen := map[string][]string{} // by folder: the images, in order
	orders := map[string]bool{}
	for _, who := range []string{"dnn", "subject-01", "subject-02", "subject-03"} {
		counts := map[string]int{}
		for i, name := range names(t, filepath.Join(out, "my-photos", who)) {
			said, err := trial.ParseStimulus("session-1/" + name)
			if err != nil || said.Condition != "0" || !strings.HasPrefix(name, fmt.Sprintf("%04d_exp_", i+1)) {
				t.Fatalf("%s: %+v, %v", name, said, err)
			}
			counts[said.Category]++
			seen[who] = append(seen[who], trial.ImageKey(name))
		}
		if counts["cat"] != 6 || counts["dog"] != 6 || counts["boat"] != 6 {
			t.Errorf("%s sees %v", who, counts)
		}
		orders[strings.Join(seen[who], " ")] = true
		slices.Sort(seen[who])
		if !slices.Equal(seen[who], seen["dnn"]) {
			t.Errorf("%s sees %v, models %v", who, seen[who], seen["dnn"])
		}
	}
	if len(orders) != 4 {
		t.Errorf("only %d orders", len(orders))
	}
	again, err := Write(context.Background(), o, out, progress.Silent())
	if err != nil || again.Files != 0 || again.Kept != 72 {
		t.Errorf("again: %+v, %v", again, err)
	}
	img, err := raster.ReadFile(filepath.Join(out, "my-photos", "dnn", "session-1", names(t, filepath.Join(out, "my-photos", "dnn"))[0]),
		raster.Options{})
	if err != nil || img.Width != 8 || img.Height != 8 {
		t.Errorf("%v, %v", img, err)
	}
}

func TestWorkersDoNotMatter(t *testing.T) {
	o := Options{Images: images(t, map[string]int{"cat": 5, "dog": 5}), Subjects: 2, Each: 3}
	one, many := t.TempDir(), t.TempDir()
	for workers, out := range map[int]string{1: one, 4: many} {
		o.Workers = workers
		if _, err := Write(context.Background(), o, out, progress.Silent()); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := names(t, one), names(t, many); !slices.Equal(a, b) {
		t.Errorf("%v\n%v", a, b)
	}
}

func TestConditionsAreKept(t *testing.T) {
	source := images(t, map[string]int{"cat": 4, "dog": 4})
	first := t.TempDir()
	if _, err := Write(context.Background(), Options{Images: source, Subjects: 1}, first, progress.Silent()); err != nil {
		t.Fatal(err)
	}
	w, err := Write(context.Background(), Options{Images: filepath.Join(first, "my-photos", "dnn"), Dataset: "again", Code: "cop", Subjects: 1},
		t.TempDir(), progress.Silent())
	if err != nil || w.Images != 8 || w.Categories != 2 {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestErrors(t *testing.T) {
	root := images(t, map[string]int{"cat": 2, "dog": 1})
	clash := images(t, map[string]int{"cat": 1})
	img := raster.New(4, 4)
	os.MkdirAll(filepath.Join(clash, "cat", "more"), 0o777)
	if err := img.WritePNG(filepath.Join(clash, "cat", "more", "cat0.png")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Images: root, Subjects: 1, Each: 2}, "experiment: category dog has 1 images; expected 2 or more"},
		{Options{Images: root}, "experiment: 0 subjects; expected 1 or more"},
		{Options{Images: root, Subjects: 1, Categories: []string{"bear"}}, "holds no image of the category bear"},
		{Options{Images: clash, Subjects: 1}, "have the same name but for folder and extension, by which trials are joined; rename one"},
		{Options{Images: root, Subjects: 1, Code: "a_b"}, `"a_b" cannot be part of a stimulus's name`},
	} {
		_, err := Write(context.Background(), c.o, t.TempDir(), progress.Silent())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}
