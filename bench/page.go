package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"visus/internal/speed"
	"visus/internal/vec"
	"visus/internal/version"
)

// page collects Markdown, and the goals for the table at its top.
type page struct {
	body  strings.Builder
	goals [][]string
	load  string // of the machine before the run
}

func (p *page) section(title string) { fmt.Fprintf(&p.body, "## %s\n\n", title) }

func (p *page) text(format string, args ...any) { fmt.Fprintf(&p.body, format+"\n", args...) }

// table writes rows under a header; the first column is on the left, numbers on the right.
func (p *page) table(header []string, rows [][]string) {
	p.body.WriteString(table(header, rows) + "\n")
}

func table(header []string, rows [][]string) string {
	rule := make([]string, len(header))
	for i := range rule {
		rule[i] = "---:"
	}
	rule[0] = "---"
	var b strings.Builder
	for _, row := range append([][]string{header, rule}, rows...) {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	return b.String()
}

// goal notes a measured number beside what it should be.
func (p *page) goal(what, measured, goal string, reached bool) {
	answer := "no"
	if reached {
		answer = "yes"
	}
	p.goals = append(p.goals, []string{what, measured, goal, answer})
}

// markdown returns the whole page.
func (p *page) markdown(start time.Time, quick bool) string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nWritten by `make bench`; do not edit. Each speed is measured beside what it is compared with, in one run, in turns.\n")
	b.WriteString("Numbers are medians over rounds, in brackets the least and the most of all rounds; ratios are taken round by round.\n\n")
	if quick {
		b.WriteString("**A quick run: it shows that the benchmarks work. Its numbers mean nothing.**\n\n")
	}
	fmt.Fprintf(&b, "- Date: %s, took %s\n", start.Format("2006-01-02 15:04 MST"), time.Since(start).Round(time.Second))
	fmt.Fprintf(&b, "- Machine: %s, %d cores, %s/%s", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	if p.load != "" {
		fmt.Fprintf(&b, ", load before the run %s", p.load)
	}
	fmt.Fprintf(&b, "\n- visus %s, %s, vectors: %s\n\n", version.String(), runtime.Version(), vec.Level())
	b.WriteString(table([]string{"what", "measured", "goal", "reached"}, p.goals) + "\n")
	b.WriteString(strings.TrimRight(p.body.String(), "\n") + "\n")
	return b.String()
}

// processor names the CPU, its architecture where the system does not tell.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// load returns the mean number of running processes in the last minute, "" where the system does not tell.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}

// figure writes a number with three digits.
func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// spread writes the median with the least and the most.
func spread(s speed.Sample) string {
	return fmt.Sprintf("%s (%s–%s)", figure(s.Median()), figure(s.Least()), figure(s.Most()))
}
