package nn

import (
	"math"
	"testing"
)

func TestSchedules(t *testing.T) {
	cycle := OneCycle(1, 10)
	for _, c := range []struct {
		name  string
		rate  Schedule
		step  int
		want  float64
		about string
	}{
		{"steady", Steady(0.3), 1000, 0.3, ""},
		{"stairs before", Stairs(1, 0.1, 5, 8), 4, 1, ""},
		{"stairs at", Stairs(1, 0.1, 5, 8), 5, 0.1, ""},
		{"stairs after", Stairs(1, 0.1, 5, 8), 100, 0.01, ""},
		{"cosine first", Cosine(2, 1, 10), 0, 2, ""},
		{"cosine half", Cosine(2, 1, 10), 5, 1.5, ""},
		{"cosine last", Cosine(2, 1, 10), 10, 1, ""},
		{"cosine behind", Cosine(2, 1, 10), 25, 1, ""},
		{"cosine of no steps", Cosine(2, 1, 0), 0, 1, ""},
		{"warm-up first", Warmup(4, Cosine(2, 0, 10)), 0, 0.5, ""},
		{"warm-up last", Warmup(4, Cosine(2, 0, 10)), 3, 2, ""},
		{"after the warm-up", Warmup(4, Cosine(2, 0, 10)), 9, 1, ""},
		{"one cycle first", cycle, 0, 0.04, "1/25"},
		{"one cycle rising", cycle, 1, 0.52, "half-way between 1/25 and 1"},
		{"one cycle top", cycle, 2, 1, "0.3 · 10 - 1"},
		{"one cycle falling", cycle, 5, 4e-6 + (1-4e-6)/2*(1+math.Cos(math.Pi*3/7)), "3 of 7 steps down"},
		{"one cycle last", cycle, 9, 4e-6, "1/25/1e4"},
		{"one cycle behind", cycle, 20, 4e-6, ""},
	} {
		if got := c.rate(c.step); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: step %d has %g, expected %g %s", c.name, c.step, got, c.want, c.about)
		}
	}
}
