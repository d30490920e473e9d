package yamlfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type settings struct {
	Name string    `yaml:"name"`
	Mean []float64 `yaml:"mean"`
	Any  any       `yaml:"any"`
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	for text, want := range map[string]string{
		"name: a\nmean: [1, 2]\n":       "",
		"":                              "",
		"nme: a\n":                      `unknown field "nme"`,
		"name: [\n":                     path + ": ",
		"08: 00\nmean: !0000\n0000A000": path + ": ", // crashed the parser
	} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		var s settings
		if err := Read(path, &s); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	if err := Read(filepath.Join(t.TempDir(), "absent.yaml"), &settings{}); !os.IsNotExist(err) {
		t.Errorf("error %v for an absent file", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("name: a\nmean: [1, 2]\nany: {b: &c [*c]}\n"))
	f.Add([]byte("08: 00\nmean: !0000\n0000A000000"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s settings
		if err := decode(data, &s); err != nil && err.Error() == "" {
			t.Error("an error without a text")
		}
	})
}
