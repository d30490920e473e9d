package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestLinesSayWhatIsLeft(t *testing.T) {
	var out bytes.Buffer
	l := &lines{out: &out}
	l.Begin("examining", 10, 40)
	l.pace.start = l.pace.start.Add(-20 * time.Second)
	l.Add(10)
	l.Show("loss 0.5")
	l.Add(0)
	l.End()
	for _, want := range []string{"examining: 10 of 40 were done before\n", "examining: 20 of 40, 40s left\n", "examining: 20 of 40, 40s left, loss 0.5\n", "examining: 20 of 40 in 20s\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q lacks %q", out.String(), want)
		}
	}
}

func TestBarEndsUnfinished(t *testing.T) {
	var out bytes.Buffer
	b := &bar{out: &out}
	b.Begin("examining", 0, 100)
	b.Add(30)
	b.End() // must return although the bar is not full
	b.End()
}

func TestPaceWithoutSteps(t *testing.T) {
	if got := (pace{goal: 5, start: time.Now()}).left(); got != "?" {
		t.Errorf("time left before the first step is %q, want ?", got)
	}
}
