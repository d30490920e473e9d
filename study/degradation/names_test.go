package degradation

import (
	"path"
	"slices"
	"testing"

	"visus/stimulus"
	"visus/stimulus/raster"
	"visus/trial"
)

// listed is a source without pixels.
type listed []stimulus.Item

func (l listed) Len() int                         { return len(l) }
func (l listed) Item(i int) stimulus.Item         { return l[i] }
func (l listed) Image(int) (*raster.Image, error) { return nil, nil }

func source(category string, ids ...string) (l listed) {
	for _, id := range ids {
		l = append(l, stimulus.Item{ID: id, Category: category})
	}
	return l
}

// TestImageNames: names are distinct, have no parts where the field's readers would cut them, and are those by which trials are joined.
func TestImageNames(t *testing.T) {
	for _, c := range []struct {
		source listed
		want   []string
	}{
		{source("cat", "cat/n02123045_17.JPEG", "cat/my_cat.v2.png"), []string{"n02123045_17", "my-cat.v2"}},
		{source("oven", "oven/0001_edg_s01_0_oven_00_oven10.png", "oven/oven3.png"), []string{"oven10", "oven3"}},
		{source("bird", "0001_cl_s01_bw_bird_40_n01534433_5.JPEG"), []string{"n01534433_5"}},
		{append(source("cat", "cat/1.png"), source("sea_lion", "sea_lion/1.png")...), []string{"cat-1", "sea-lion-1"}},
		{source("cat", "cat/a/1.png", "cat/b/1.png"), []string{"cat-a-1", "cat-b-1"}},
	} {
		names, err := imageNames(c.source)
		if err != nil || !slices.Equal(names, c.want) {
			t.Errorf("got %q, %v; want %q", names, err, c.want)
		}
		for i, name := range names {
			x := writer{source: c.source, images: names}
			m, err := Choose([]string{"contrast"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			file, err := x.file(m[0], "c30", i)
			if err != nil {
				t.Fatal(err)
			}
			said, err := trial.ParseStimulus(file)
			if err != nil || said.Condition != "c30" || said.Category != plain(c.source[i].Category) || trial.ImageKey(path.Base(file)) != name {
				t.Errorf("%s is read as %+v of %s, %v", file, said, trial.ImageKey(path.Base(file)), err)
			}
		}
	}
	if _, err := imageNames(source("cat", "cat/1.png", "cat/1.jpg")); err == nil {
		t.Error("two images of one name were accepted")
	}
}

// TestTurns: with one level for each image, the images of a category take the levels in turn, so that conditions are balanced.
func TestTurns(t *testing.T) {
	chosen, err := Choose([]string{"lowpass"}, []string{"0", "2", "4"})
	if err != nil {
		t.Fatal(err)
	}
	set := append(source("cat", "a", "b", "c", "d"), source("dog", "e", "f", "g")...)
	x := writer{Writing: Writing{OneLevel: true}, source: set, levels: turns(set)}
	var got []string
	for i := range set {
		got = append(got, x.levelsOf(chosen[0], i)...)
	}
	if want := []string{"0", "2", "4", "0", "0", "2", "4"}; !slices.Equal(got, want) {
		t.Errorf("levels %q, want %q", got, want)
	}
}

func TestChoose(t *testing.T) {
	all, err := Choose([]string{"phase", "all", "phase-scrambling"}, nil)
	if err != nil || len(all) != 12 || all[0].Name != "phase-scrambling" {
		t.Errorf("%d manipulations, %v; want 12", len(all), err)
	}
	if _, err := Choose([]string{"noise"}, []string{"0.1", "0.10"}); err == nil || err.Error() != "levels 0.1 and 0.10 are the same" {
		t.Errorf("got %v", err)
	}
}
