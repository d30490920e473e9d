package session

import (
	"slices"
	"testing"

	"visus/stimulus/corrupt"
)

func TestParseSeverities(t *testing.T) {
	for text, want := range map[string][]int{
		"": {1, 2, 3, 4, 5}, "3": {3}, "1-5": {1, 2, 3, 4, 5}, "1,3,5": {1, 3, 5}, "2-3, 5": {2, 3, 5}, "3,3,2-4": {3, 2, 4},
		"7": nil, "0": nil, "0-3": nil, "4-9": nil, "3-2": nil, "1,": nil, "-": nil, "x": nil, "1-2-3": nil, "-1": nil,
	} {
		got, err := ParseSeverities(text)
		if (err != nil) != (want == nil) || err == nil && !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
}

func FuzzParseSeverities(f *testing.F) {
	for _, text := range []string{"", "3", "1-5", "1,3,5", "9999999999999999999-1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if all, err := ParseSeverities(text); err == nil {
			for _, s := range all {
				if s < 1 || s > corrupt.Severities {
					t.Errorf("severity %d", s)
				}
			}
		}
	})
}
