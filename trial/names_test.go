package trial

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"visus/internal/golden"
)

func TestGoldenNames(t *testing.T) {
	files := golden.Files(t, "humans/golden", "names*.json")
	compared := 0
	for _, file := range files {
		for _, c := range golden.JSON[[]struct {
			Name     string
			Image    string   `json:"image_id"`
			Texture  string   `json:"texture_category"`
			Sessions []string `json:"with_sessions"`
			ImageNet []string `json:"imagenet_style"`
		}](t, file) {
			if got := ImageID(c.Name); got != c.Image {
				t.Errorf("%s: image %q, want %q", c.Name, got, c.Image)
			}
			if got := TextureCategory(c.Name); got != c.Texture {
				t.Errorf("%s: texture %q, want %q", c.Name, got, c.Texture)
			}
			session, err := ParseStimulus("sketch/dnn/session-1/" + c.Name)
			if len(c.Sessions) == 0 {
				if err == nil {
					t.Errorf("%s in a session: %+v, want an error", c.Name, session)
				}
			} else if got := parsed(session); err != nil || got != strings.Join([]string{c.Sessions[0], c.Sessions[2], c.Sessions[3]}, " ") {
				t.Errorf("%s in a session: %s, %v; want %v", c.Name, got, err, c.Sessions)
			}
			folder := c.ImageNet[3]
			plain, err := ParseStimulus("edge/" + folder + "/" + c.Name)
			if got := parsed(plain); err != nil || got != strings.Join([]string{c.ImageNet[0], c.ImageNet[2], folder}, " ") {
				t.Errorf("%s in a category's folder: %s, %v; want %v", c.Name, got, err, c.ImageNet)
			}
			compared++
		}
	}
	t.Logf("compared %d names", compared)
}

func parsed(s StimulusName) string {
	return fmt.Sprintf("session-%d %s %s", s.Session, s.Condition, s.Category)
}

func TestImageKey(t *testing.T) {
	for name, want := range map[string]string{
		"":              "",
		"cat.png":       "cat",
		"a/b_c/cat.png": "cat",
		`a\cat.png`:     "cat",
		"n0":            "n0",
		"_":             "",
		"n01_2.JPEG":    "n01_2",
		"0001_ske_s01_0_boat_00_boat-0068-sketch-23.png": "boat-0068-sketch-23",
		"0000_cl_dnn_bw_boat_40_n02951358_5952.JPEG":     "n02951358_5952",
	} {
		if got := ImageKey(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestSameCondition(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"0.90", "0.9", true}, {"1", "1.0", true}, {"true", "True", true}, {"inf", "Inf", true}, {"NaN", "nan", true}, {"0", "0.00", true},
		{"0", "-0", true}, {"1e1", "10", true}, {"c05", "C05", true}, {"c05", "c5", false}, {"1-10-10", "1-10-1", false}, {"", "0", false},
		{"0.9", "0.90001", false},
	} {
		if got := SameCondition(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}

func TestConditionKeyIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.Float64(), func(v float64) string { return fmt.Sprint(v) })).Draw(t, "condition")
		key := ConditionKey(text)
		if ConditionKey(key) != key {
			t.Errorf("%q: %q, then %q", text, key, ConditionKey(key))
		}
	})
}

func TestNameStimulusIsReadAgain(t *testing.T) {
	part := rapid.StringMatching(`[a-z0-9.-]{1,8}`)
	rapid.Check(t, func(t *rapid.T) {
		condition, category := part.Draw(t, "condition"), part.Draw(t, "category")
		image := rapid.StringMatching(`([a-z]{1,8}|n0[0-9]{7}_[0-9]{1,4})\.png`).Draw(t, "image")
		session := rapid.IntRange(1, 9).Draw(t, "session")
		name, err := NameStimulus(rapid.IntRange(0, math.MaxInt16).Draw(t, "trial"), "cl", "s01", condition, category, 0, image)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseStimulus(filepath.Join("cl", "dnn", fmt.Sprintf("session-%d", session), name))
		if err != nil || got != (StimulusName{session, condition, category}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if ImageID(name) != image {
			t.Errorf("%s: image %q, want %q", name, ImageID(name), image)
		}
	})
}

func TestNamesThatSayTooLittle(t *testing.T) {
	for place, want := range map[string]string{
		"cat.png":           "trial: stimulus cat.png: expected a folder that is named like its category",
		"session-1/cat.png": "trial: stimulus session-1/cat.png: expected a name <trial>_<code>_<observer>_<condition>_<category>_…",
	} {
		if _, err := ParseStimulus(place); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if _, err := NameStimulus(1, "a_b", "s01", "0", "cat", 0, "cat.png"); err == nil {
		t.Error("a part with _ was taken")
	}
}

func TestFileName(t *testing.T) {
	for want, got := range map[string]string{
		"edge_subject-01_session_1.csv": FileName("edge", "subject-01", 1),
		"edge_bagnet-9_session-2.csv":   FileName("edge", "bagnet_9", 2),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range []string{"0001_s5n_s01_0_bird_00_bird3-bird2.png", "n0_", "session-1/a_b_c_d_e", "a/b\\c", "0x1p-2", "1_0"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !strings.HasPrefix(ImageID(name), ImageKey(name)) || !strings.HasSuffix(name, ImageID(name)) {
			t.Errorf("%q: %q, %q", name, ImageID(name), ImageKey(name))
		}
		if key := ConditionKey(name); ConditionKey(key) != key {
			t.Errorf("%q: %q is not stable", name, key)
		}
		TextureCategory(name)
		if s, err := ParseStimulus(name); err == nil && s.Category == "" {
			t.Errorf("%q has no category", name)
		}
	})
}
