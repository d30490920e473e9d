// Package house tests that the arrows between the rooms point one way.
package house

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// floors lists the rooms from the ground up: a package may import packages of lower floors and of its own room only.
// Rooms of the same floor do not see each other.
var floors = [][]string{
	{"tensor"},
	{"internal"},
	{"graph", "stimulus", "trial"},
	{"engine", "measure"},
	{"observer", "train", "report", "eager"},
	{"adapt", "rescale"},
	{"attack"},
	{"study"},
	{"cmd", "bench"},
}

// alone lists rooms that work without what stands on their own or a lower floor, although their floor would allow it.
var alone = map[string][]string{
	"measure":          {"graph", "stimulus", "tensor"},
	"train":            {"stimulus", "measure"},
	"eager":            {"stimulus", "measure"},
	"report":           {"graph", "engine", "stimulus", "trial", "measure"},
	"stimulus/corrupt": {"graph", "engine"},
}

func TestArrows(t *testing.T) {
	command := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "visus/...")
	command.Dir = filepath.Join("..", "..")
	listed, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, line := range strings.Split(strings.TrimSpace(string(listed)), "\n") {
		words := strings.Fields(line)
		for _, imported := range words[1:] {
			if !strings.HasPrefix(imported, "visus/") {
				continue
			}
			checked++
			if reason := forbidden(strings.TrimPrefix(words[0], "visus/"), strings.TrimPrefix(imported, "visus/")); reason != "" {
				t.Errorf("%s imports %s: %s", words[0], imported, reason)
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d arrows were checked", checked)
	}
}

func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"cmd/visus", "study/corruption", true},
		{"study/corruption", "observer", true},
		{"observer", "study/corruption", false},
		{"adapt", "observer", true},
		{"observer", "adapt", false},
		{"train", "observer", false},
		{"stimulus/corrupt", "stimulus/raster", true},
		{"stimulus", "graph", false},
		{"measure/robustness", "trial", true},
		{"measure/robustness", "tensor", false},
		{"report", "measure/robustness", false},
		{"attic", "tensor", false},
	} {
		if reason := forbidden(c.from, c.to); (reason == "") != c.ok {
			t.Errorf("%s → %s: allowed %v, want %v (%s)", c.from, c.to, reason == "", c.ok, reason)
		}
	}
}

func forbidden(from, to string) string {
	fromRoom, toRoom := room(from), room(to)
	if fromRoom == toRoom {
		return ""
	}
	low, high := floor(toRoom), floor(fromRoom)
	if high < 0 || low < 0 {
		return "a room without a floor; give it one in this test and in docs/architecture.md"
	}
	if low >= high {
		return "a room sees lower floors only"
	}
	for prefix, not := range alone {
		if from != prefix && !strings.HasPrefix(from, prefix+"/") {
			continue
		}
		for _, n := range not {
			if toRoom == n {
				return prefix + " works without " + n
			}
		}
	}
	return ""
}

func room(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

func floor(room string) int {
	for i, rooms := range floors {
		for _, r := range rooms {
			if r == room {
				return i
			}
		}
	}
	return -1
}
