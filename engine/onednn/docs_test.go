package onednn

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocs holds the list in docs/engines.md to the operators there are. VISUS_WRITE_DOCS=1 writes it.
func TestDocs(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "engines.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- operators -->\n", "<!-- /operators -->"
	before, rest, ok := strings.Cut(string(page), begin)
	listed, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s lacks its marks %q and %q", path, begin, end)
	}
	want := wrapped(Operators(), 150)
	if listed == want {
		return
	}
	if os.Getenv("VISUS_WRITE_DOCS") == "" {
		t.Fatalf("%s lists other operators than the engine takes; VISUS_WRITE_DOCS=1 go test -run TestDocs ./engine/onednn writes it", path)
	}
	if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// wrapped joins words with commas, in lines of at most so many characters.
func wrapped(words []string, width int) string {
	var b strings.Builder
	line := 0
	for i, w := range words {
		if i < len(words)-1 {
			w += ","
		}
		if line > 0 && line+1+len(w) > width {
			b.WriteString("\n")
			line = 0
		}
		if line > 0 {
			b.WriteString(" ")
			line++
		}
		b.WriteString(w)
		line += len(w)
	}
	return b.String() + "\n"
}
