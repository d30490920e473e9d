package observer

import (
	"os"
	"path/filepath"
	"testing"
)

func FuzzParseClasses(f *testing.F) {
	for _, text := range []string{
		"cat\ndog\n", "cat, dog", `["cat", "dog"]`, `['cat', 'dog']`, `{0: 'cat', 1: "dog's"}`, `{"0": "cat", "1": "dog"}`, `{0: 'it\'s', 1: 'b'}`, "", "{", "[1]", "{1: 'a'}", "{99999999999999999999: 'a'}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		names, err := ParseClasses(text)
		if err == nil && len(names) > len(text) {
			t.Errorf("%d names in %d bytes", len(names), len(text))
		}
		if err != nil && names != nil {
			t.Errorf("names %q beside the error %v", names, err)
		}
	})
}

func FuzzSidecar(f *testing.F) {
	for _, text := range []string{
		"preprocessing: imagenet\n", "scale: 1/255\nshift: -1\nmean: [1, 2, 3]\nstd: 0.5\nchannels: bgr\n", "resize: 256\ncrop: 224\ninterpolation: bicubic\n",
		"layout: nhwc\noutput: y\nscores: logits\nclasses: [a, b]\n", "classes: imagenet\n", "scale: 1/0", "mean: [1, 2]", "std: [0]", "scale: nan", "- a", "&a [*a]", "crop: -1",
	} {
		f.Add([]byte(text))
	}
	path := filepath.Join(f.TempDir(), "model.yaml")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := ReadSidecar(path)
		if err != nil {
			return
		}
		p, _, err := s.preprocessing(path)
		if err == nil && (p.Resize < 0 || p.Crop < 0) {
			t.Errorf("sizes %d and %d", p.Resize, p.Crop)
		}
		p.table() // takes any numbers
	})
}
