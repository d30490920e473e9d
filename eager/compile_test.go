package eager_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRefused: programs that ask an engine for what it cannot do are not compiled, at the line and for the reason that each says.
func TestRefused(t *testing.T) {
	programs, err := filepath.Glob("testdata/refused/*/main.go")
	if err != nil || len(programs) < 3 {
		t.Fatalf("expected at least three programs, found %v, %v", programs, err)
	}
	want := regexp.MustCompile(`// want "(.*)"`)
	for _, path := range programs {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			reason := want.FindSubmatch(source)
			if reason == nil {
				t.Fatalf("%s does not say what it wants", path)
			}
			out, err := exec.Command("go", "build", "-o", os.DevNull, "./"+filepath.Dir(path)).CombinedOutput()
			if err == nil || !strings.Contains(string(out), string(reason[1])) || strings.Count(string(out), "main.go:") != 1 {
				t.Errorf("expected one error with %q, found %v: %s", reason[1], err, out)
			}
		})
	}
}
