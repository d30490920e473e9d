package library

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestWhole cuts off an ELF file, which this test's own program is, at several places.
func TestWhole(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems have other formats")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut")
	for _, length := range []int{4, 63, 1000, len(data) / 2, len(data) - 1} {
		if err := os.WriteFile(cut, data[:length], 0o644); err != nil {
			t.Fatal(err)
		}
		if err := Whole(cut); err == nil || !strings.Contains(err.Error(), "it is cut off after ") {
			t.Errorf("%d of %d bytes: %v", length, len(data), err)
		}
	}
	text := file(t, filepath.Join(t.TempDir(), "text"))
	for _, path := range []string{self, text, "/nowhere", t.TempDir()} {
		if err := Whole(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
