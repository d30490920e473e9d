package result

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type config struct {
	Study   string  `yaml:"study"`
	Options options `yaml:"options"`
}

type options struct {
	Seed    int      `yaml:"seed"`
	Names   []string `yaml:"names"`
	Threads int      `yaml:"-"`
}

func earlier(folder string, now config) (*config, error) {
	return Earlier(folder, now.Study, func(before config) []string {
		var d Differences
		d.AddFields(before.Options, now.Options)
		return d
	})
}

func TestEarlier(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	now := config{"training", options{Seed: 3, Names: []string{"a"}}}
	if before, err := earlier(folder, now); before != nil || err != nil {
		t.Fatalf("an absent folder: %v, %v", before, err)
	}
	if err := Begin(folder, now); err != nil {
		t.Fatal(err)
	}
	now.Options.Threads = 7
	if before, err := earlier(folder, now); err != nil || before.Options.Seed != 3 {
		t.Errorf("the same run: %+v, %v", before, err)
	}
	if study, err := Study(folder); err != nil || study != "training" {
		t.Errorf("the study is %q, %v", study, err)
	}
	other := now
	other.Options.Seed, other.Options.Names = 4, nil
	wants := map[string]config{
		"holds another run (different: seed 3, now 4; names [a], now []); choose another --out or remove it": other,
		"holds another run (different: study training, now corruption)":                                      {Study: "corruption"},
	}
	for want, c := range wants {
		if _, err := earlier(folder, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestEarlierRefusesOtherFiles(t *testing.T) {
	folder := t.TempDir()
	if before, err := earlier(folder, config{}); before != nil || err != nil {
		t.Errorf("an empty folder: %v, %v", before, err)
	}
	file := filepath.Join(folder, "letter.txt")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := earlier(folder, config{}); err == nil || !strings.Contains(err.Error(), "holds no config.yaml; choose another --out") {
		t.Error(err)
	}
	if _, err := earlier(file, config{}); err == nil || !strings.Contains(err.Error(), "is a file; choose another --out") {
		t.Error(err)
	}
	if _, err := Study(filepath.Join(folder, "absent")); err == nil || !strings.Contains(err.Error(), "there is no folder") {
		t.Error(err)
	}
}

func TestInside(t *testing.T) {
	for _, c := range []struct {
		path, folder string
		want         bool
	}{{"a/b", "a", true}, {"a", "a", true}, {"ab", "a", false}, {"a/../b", "a", false}, {"a", "a/b", false}, {"/x", "/", true}} {
		if got := Inside(c.path, c.folder); got != c.want {
			t.Errorf("%s in %s: %v", c.path, c.folder, got)
		}
	}
}

func TestDifferences(t *testing.T) {
	var d Differences
	d.Add("engine", "a", "a")
	d.Add("engine", "a", "b")
	d.AddFields(options{Names: nil}, options{Names: []string{}, Threads: 2})
	if want := []string{"engine a, now b"}; !slices.Equal(d, want) {
		t.Errorf("%q, want %q", d, want)
	}
}

func FuzzStudy(f *testing.F) {
	folder := f.TempDir()
	for _, text := range []string{"study: training\n", "options: 3", "study: [1", "- study", "study: &a [*a]", "study: !!"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path(folder), data, 0o666); err != nil {
			t.Fatal(err)
		}
		Study(folder) // returns whatever it is given
	})
}
