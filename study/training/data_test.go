package training

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"visus/internal/progress"
	"visus/stimulus"
	"visus/stimulus/augment"
	"visus/stimulus/raster"
	"visus/study/session"
)

// album is a Source of plain-coloured images.
type album []page

type page struct {
	category      string
	side          int
	red, grn, blu uint8
	err           error
}

func (a album) Len() int { return len(a) }
func (a album) Item(i int) stimulus.Item {
	return stimulus.Item{ID: fmt.Sprint(i), Category: a[i].category}
}

func (a album) Image(i int) (*raster.Image, error) {
	m := raster.New(a[i].side, a[i].side)
	for k := range a[i].side * a[i].side {
		copy(m.Pix[3*k:], []uint8{a[i].red, a[i].grn, a[i].blu})
	}
	return m, a[i].err
}

func of(a album) *labelled {
	return &labelled{set: &stimulus.Collection{Path: "album", Kind: "folder", Conditions: []stimulus.Condition{{Name: "clean", Source: a}}}, source: a}
}

func TestClasses(t *testing.T) {
	for _, c := range []struct {
		given, want string // of categories, one a letter or separated by commas
	}{
		{"10,9,2,10", "2,9,10"}, {"b,a,10,9", "10,9,a,b"}, {"a,,b", "a,b"}, {"01,1", "01,1"},
	} {
		var a album
		for _, name := range strings.Split(c.given, ",") {
			a = append(a, page{category: name})
		}
		if got := categories(a); strings.Join(got, ",") != c.want {
			t.Errorf("%s: classes %v, want %s", c.given, got, c.want)
		}
	}
}

func TestReadLabels(t *testing.T) {
	d := of(album{{category: "cat"}, {category: "dog"}, {}, {category: "cat"}})
	classes, err := d.read(0, nil)
	if err != nil || !slices.Equal(classes, []string{"cat", "dog"}) || !slices.Equal(d.items, []int{0, 1, 3}) || !slices.Equal(d.labels, []int{0, 1, 0}) || d.leftOut != 1 {
		t.Errorf("%v, %v: %+v", classes, err, d)
	}
	for _, c := range []struct {
		album   album
		classes []string
		want    string
	}{
		{album{{}, {}}, nil, "the images of album (folder) have no labels; expected a folder of images for each class"},
		{album{{category: "cat"}, {category: "cat"}}, nil, `all images of album belong to one class, "cat"; expected two classes or more`},
		{album{{category: "eel"}}, []string{"cat", "dog"}, `image 0 has the label "eel", which is none of the 2 classes trained on: cat, dog`},
	} {
		if _, err := of(c.album).read(0, c.classes); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// TestComplete: a limit that leaves a class without an image is told, by the class's name.
func TestComplete(t *testing.T) {
	rare := of(album{{category: "common"}, {category: "common"}, {category: "rare"}, {category: "common"}, {category: "common"}, {category: "common"}})
	for limit, want := range map[int]string{
		0: "", 6: "", 1: "training: 1 image for 2 classes; ",
		2: `training: none of the 2 images that the limit leaves is of class "rare"; `,
	} {
		d := &labelled{set: rare.set, source: rare.source}
		classes, err := d.read(limit, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.complete(classes); (err != nil) != (want != "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("limit %d: %v, want %q", limit, err, want)
		}
	}
}

func TestShare(t *testing.T) {
	for text, want := range map[string]float64{"": .1, "0": 0, "0.25": .25} {
		if got, path, err := share(text); got != want || path != "" || err != nil {
			t.Errorf("%q: %v, %q, %v", text, got, path, err)
		}
	}
	if _, path, err := share("photos/test"); path != "photos/test" || err != nil {
		t.Errorf("a path was read as %q, %v", path, err)
	}
	for _, text := range []string{"1", "-0.1", "NaN", "3"} {
		if _, _, err := share(text); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

// TestSplit: the parts are disjoint and complete, and each class gives its share to within half an image, but one image at least and never its only one.
func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		classes := rapid.IntRange(1, 6).Draw(t, "classes")
		labels := rapid.SliceOfN(rapid.IntRange(0, classes-1), 1, 80).Draw(t, "labels")
		part, seed := rapid.Float64Range(0, .99).Draw(t, "share"), rapid.Uint64().Draw(t, "seed")
		train, validation := split(labels, classes, part, seed)
		again, _ := split(labels, classes, part, seed)
		if !slices.Equal(train, again) {
			t.Fatal("the same seed splits in another way")
		}
		both := slices.Concat(train, validation)
		slices.Sort(both)
		if !slices.Equal(both, session.Spread(0, len(labels))) || !slices.IsSorted(train) || !slices.IsSorted(validation) {
			t.Fatalf("%v and %v are no parts of %d", train, validation, len(labels))
		}
		got, all := make([]int, classes), counts(labels, classes)
		for _, i := range validation {
			got[labels[i]]++
		}
		for class, n := range all {
			want := part * float64(n)
			switch {
			case part == 0 || n < 2:
				want = 0
			default:
				want = min(max(want, 1), float64(n-1))
			}
			if math.Abs(float64(got[class])-want) > .5 {
				t.Fatalf("%d of %d images of class %d, want %v", got[class], n, class, want)
			}
		}
	})
}

func TestReadPictures(t *testing.T) {
	broken := errors.New("3.png: truncated")
	a := album{{side: 8, red: 255}, {side: 4, red: 10, grn: 20, blu: 30}, {err: broken}, {side: 5, red: 7, grn: 7, blu: 7}}
	labels := []int{0, 1, 1, 2}
	for _, l := range []augment.Layout{{Width: 4, Height: 4, Channels: 3}, {Width: 4, Height: 4, Channels: 1}} {
		p, levels, err := read(context.Background(), "reading", a, []int{0, 1, 2, 3}, labels, l, 2, progress.Silent())
		if err != nil {
			t.Fatal(err)
		}
		if p.Len() != 3 || !slices.Equal(p.labels, []int32{0, 1, 2}) || len(p.lost) != 1 || !errors.Is(p.lost[0], broken) {
			t.Fatalf("pictures %+v", p)
		}
		streamed := &pictures{layout: l, source: a, items: p.items}
		for i, at := range []int{0, 1, 3} {
			want := []uint8{a[at].red, a[at].grn, a[at].blu}
			if l.Channels == 1 {
				want = []uint8{raster.Luma(want[0], want[1], want[2])}
			}
			for _, from := range []*pictures{p, streamed} {
				got, err := from.bytes(i, make([]uint8, l.Len()))
				if err != nil || !slices.Equal(got, slices.Repeat(want, 16)) {
					t.Errorf("picture %d with %d channels: %v, %v", i, l.Channels, got, err)
				}
			}
		}
		if l.Channels == 3 {
			mean, std := levels.moments(3)
			wantMean := (255. + 10 + 7) / 3 / 255
			if math.Abs(mean[0]-wantMean) > 1e-12 || math.Abs(std[2]-deviation(0, 30, 7)/255) > 1e-12 {
				t.Errorf("means %v, deviations %v", mean, std)
			}
		}
	}
	if _, _, err := read(context.Background(), "reading", a, []int{2}, []int{0}, augment.Layout{Width: 4, Height: 4, Channels: 1}, 1, progress.Silent()); err == nil || !errors.Is(err, broken) {
		t.Errorf("nothing to read: %v", err)
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if _, _, err := read(stopped, "reading", a, []int{0}, labels, augment.Layout{Width: 4, Height: 4, Channels: 1}, 1, progress.Silent()); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func deviation(values ...float64) float64 {
	var sum, squares float64
	for _, v := range values {
		sum, squares = sum+v, squares+v*v
	}
	n := float64(len(values))
	return math.Sqrt(squares/n - sum*sum/n/n)
}

func TestLook(t *testing.T) {
	grey28, colour28, grey200 := page{side: 28, red: 9, grn: 9, blu: 9}, page{side: 28, red: 9}, page{side: 200}
	for _, c := range []struct {
		name  string
		album album
		size  int
		want  augment.Layout
	}{
		{"grey", album{grey28, grey28}, 0, augment.Layout{Width: 28, Height: 28, Channels: 1}},
		{"one of colour", album{grey28, colour28}, 0, augment.Layout{Width: 28, Height: 28, Channels: 3}},
		{"asked for", album{grey28}, 40, augment.Layout{Width: 40, Height: 40, Channels: 1}},
		{"of two sizes", album{grey28, {side: 30}}, 0, augment.Layout{Width: 32, Height: 32, Channels: 1}},
		{"large", album{grey200}, 0, augment.Layout{Width: 32, Height: 32, Channels: 1}},
	} {
		if got, err := look(c.album, session.Spread(0, len(c.album)), c.size); err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
	broken := errors.New("broken")
	if _, err := look(album{{err: broken}}, []int{0}, 0); !errors.Is(err, broken) {
		t.Error(err)
	}
}
