package graph

import (
	"strings"
	"testing"
)

func TestRelease(t *testing.T) {
	g := chain(t)
	released, err := g.Release("w")
	if err != nil {
		t.Fatal(err)
	}
	legal(t, g)
	if len(released) != 1 || released["w"].Floats()[1] != 2 {
		t.Errorf("released %v, expected w = [1 2]", released)
	}
	if len(g.Initializers) != 0 || len(g.Inputs) != 2 || g.Inputs[1].Name != "w" || ShapeText(g.Inputs[1].Shape) != "[2]" {
		t.Errorf("initializers %v, inputs %v; expected none, and w [2] last", g.Initializers, g.Inputs)
	}
	data, err := g.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Decode(data, ""); err != nil || len(again.Inputs) != 2 {
		t.Errorf("decoded again: %v, %v", again, err)
	}
}

func TestReleaseRefuses(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{[]string{"w", "a"}, `"a" is no initializer`},
		{[]string{"w", "w"}, `"w" is given twice`},
	} {
		g := chain(t)
		if _, err := g.Release(c.names...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Release(%v): %v; expected %q", c.names, err, c.want)
		}
		if len(g.Initializers) != 1 || len(g.Inputs) != 1 {
			t.Errorf("Release(%v) changed the graph", c.names)
		}
	}
}
