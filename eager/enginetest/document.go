package enginetest

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Document holds what a page says about an engine, between the marks <!-- suite NAME --> and <!-- /suite NAME -->, to the suite's results.
// VISUS_WRITE_DOCS=1 writes it.
func Document(t *testing.T, page, name string, groups []Group) {
	t.Helper()
	if os.Getenv("VISUS_GOLDEN") != "" || len(groups) == 0 || groups[0].Name != golds {
		t.Logf("the page is not compared: the golden cases are others, or none: %+v", groups)
		return
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- suite "+name+" -->\n", "<!-- /suite "+name+" -->"
	before, rest, ok := strings.Cut(string(text), begin)
	said, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s lacks its marks %q and %q", page, begin, end)
	}
	want := summary(name, groups)
	if said == want {
		return
	}
	if os.Getenv("VISUS_WRITE_DOCS") == "" {
		t.Fatalf("%s says other things of %s than the suite found; VISUS_WRITE_DOCS=1 go test writes it", page, name)
	}
	if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// summary is a table of the groups and a list of what is not supported.
func summary(name string, groups []Group) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| `%s` | passed | unsupported | failed |\n| --- | --- | --- | --- |\n", name)
	var reasons []string
	for _, g := range groups {
		fmt.Fprintf(&b, "| %s | %d | %d | 0 |\n", g.Name, g.Passed, g.Unsupported)
		for _, r := range g.Reasons {
			reasons = append(reasons, fmt.Sprintf("- %s: %s\n", g.Name, strings.TrimPrefix(r, "eager: ")))
		}
	}
	if len(reasons) > 0 {
		b.WriteString("\nUnsupported:\n\n" + strings.Join(reasons, ""))
	}
	return b.String()
}
