package corrupt

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"visus/stimulus/raster"
)

// ownFile holds some values of every corruption of a synthetic image, made by this package when all golden tests passed.
const ownFile = "testdata/own.txt"

// TestOwn compares with this package's own earlier results; VISUS_REWRITE=1 writes them anew. Values may differ by 1: SIMD sums round otherwise.
func TestOwn(t *testing.T) {
	var lines []string
	for _, small := range smallSets {
		src := picture(small.width, small.height)
		w, source := Worker{Parameters: small.set}, NewSource(0)
		for _, c := range All {
			for severity := 1; severity <= Severities; severity++ {
				var dst raster.Image
				source.Reset(Seed(1, c.Name, severity, 0))
				if err := w.Corrupt(&dst, src, c, severity, source); err != nil {
					t.Fatal(err)
				}
				line := fmt.Sprintf("%s/%s/%d", small.set.Name, c.Name, severity)
				for i := range 24 {
					line += fmt.Sprintf(" %d", dst.Pix[(i*len(dst.Pix)+len(dst.Pix)/2)/24])
				}
				lines = append(lines, line)
			}
		}
	}
	if os.Getenv("VISUS_REWRITE") != "" {
		if err := os.WriteFile(ownFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	stored, err := os.ReadFile(ownFile)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(stored)), "\n")
	if len(want) != len(lines) {
		t.Fatalf("%s has %d lines, want %d", ownFile, len(want), len(lines))
	}
	for i := range lines {
		if !near(strings.Fields(lines[i]), strings.Fields(want[i])) {
			t.Errorf("got  %s\nwant %s", lines[i], want[i])
		}
	}
}

// near compares a name and the numbers after it, which may differ by 1.
func near(got, want []string) bool {
	if len(got) != len(want) || got[0] != want[0] {
		return false
	}
	for i := range got[1:] {
		var a, b int
		if _, err := fmt.Sscan(got[i+1]+" "+want[i+1], &a, &b); err != nil || a-b > 1 || b-a > 1 {
			return false
		}
	}
	return true
}
