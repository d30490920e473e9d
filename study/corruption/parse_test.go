package corruption

import (
	"os"
	"path/filepath"
	"testing"

	"visus/study/result"
	"visus/study/session"
)

func TestParseShard(t *testing.T) {
	for text, want := range map[string]Shard{"": {}, "1/1": {1, 1}, "2/8": {2, 8}, "8/8": {8, 8}} {
		if got, err := ParseShard(text); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"3/2", "0/2", "1/0", "-1/2", "1", "/", "1/2/3", "01/2", "1/2 ", "a/b", "1/99999999999999999999"} {
		if got, err := ParseShard(text); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}

func FuzzParseShard(f *testing.F) {
	for _, text := range []string{"", "3", "1-5", "1,3,5", "2/8", "9999999999999999999-1", "1/2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseShard(text); err == nil && text != "" && s.String() != text {
			t.Errorf("%q was read as %s", text, s)
		}
	})
}

func FuzzReadConfig(f *testing.F) {
	c := Config{Visus: "1", Study: Name, Options: Options{Options: session.Options{Models: []string{"a.onnx"}, Images: "photos", Severities: []int{3}}, Shard: Shard{1, 2}}, Models: []session.ModelConfig{{Name: "a"}}, Warnings: []string{"a: b"}}
	folder := f.TempDir()
	if err := result.Write(folder, c); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(folder, result.ConfigFile)
	seed, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte("visus: [1"))
	f.Add([]byte("options: 3"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		read, err := ReadConfig(folder)
		if err != nil {
			return
		}
		if err := result.Write(folder, read); err != nil {
			t.Fatal(err)
		}
		again, err := ReadConfig(folder)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if different := differences(*read, *again); len(different) > 0 {
			t.Errorf("read again it differs: %q", different)
		}
	})
}
