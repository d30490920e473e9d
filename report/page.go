// Package report turns findings into one self-contained HTML page, figure files (SVG, PNG), tables (CSV, LaTeX) and JSON. It knows
// no study: a study fills a Page with sections of parts - tables, heat maps, charts, matrices, an image browser, notes, details.
//
// The same page gives the same bytes. The HTML page needs no network, follows the reader's light or dark scheme, and prints.
package report

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strings"

	"visus/report/figure"
)

// Page is a whole report.
type Page struct {
	Title    string
	Subtitle string
	Summary  []string // a few sentences with the answer, before any detail
	Lead     []Key    // the numbers "at a glance"
	Sections []Section
}

// Key is a number that the reader should see first.
type Key struct {
	Label  string
	Value  string // e.g. "91.6 %"
	Detail string // its interval, comparison or meaning
	Tone   Tone
}

// Tone says how a value or note is meant. It is never told by colour alone.
type Tone string

// The tones; the zero value is neutral.
const (
	Neutral Tone = ""
	Good    Tone = "good"
	Warn    Tone = "warn"
	Bad     Tone = "bad"
)

// Section is one chapter, listed in the page's contents.
type Section struct {
	ID    string // unique; lower-case letters, digits and hyphens: the anchor in the page
	Title string
	Text  []string // paragraphs; `backquotes` set code
	Parts []Part
}

// Part is a piece of a section: Table, HeatMap, Chart, Matrix, Browser, Answers, Note or Details.
type Part interface {
	// html renders the part for the page.
	html(r *renderer) (template.HTML, error)
	// files lists what the part writes beside the page.
	files() []File
}

//go:embed page
var assets embed.FS

// templates are parsed once; they hold no state.
var templates = template.Must(template.New("").Funcs(template.FuncMap{"prose": prose}).ParseFS(assets, "page/*.tmpl"))

// renderer numbers figures and tables and keeps names unique while a page is written.
type renderer struct {
	figures, tables, browsers int
	names                     map[string]bool
}

// Write writes the page as one HTML file. It fails, before anything is written, where a part's data do not fit together,
// a section's ID or a part's name is malformed or taken, or a figure lacks words for those who cannot see it.
func (p Page) Write(w io.Writer) error {
	if p.Title == "" {
		return errors.New("report: the page has no title")
	}
	r := &renderer{names: map[string]bool{}}
	type section struct {
		Section
		Parts []template.HTML
	}
	sections := make([]section, len(p.Sections))
	for i, s := range p.Sections {
		if err := r.claim("section ID", s.ID); err != nil {
			return err
		}
		sections[i].Section = s
		for k, part := range s.Parts {
			html, err := part.html(r)
			if err != nil {
				return fmt.Errorf("report: section %q, part %d: %w", s.ID, k+1, err)
			}
			sections[i].Parts = append(sections[i].Parts, html)
		}
	}
	html, err := execute("page", map[string]any{
		"Page": p, "Sections": sections, "CSS": template.CSS(asset("style.css") + scaleCSS()),
		"JS": template.JS(asset("theme.js") + asset("table.js") + asset("browser.js") + asset("answers.js")),
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, string(html))
	return err
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// claim checks that a name can serve as anchor and file name, and that nothing else has it.
func (r *renderer) claim(what, name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("report: %s %q: expected lower-case letters, digits, - and _, a letter first", what, name)
	}
	if r.names[what+name] {
		return fmt.Errorf("report: %s %q is used twice", what, name)
	}
	r.names[what+name] = true
	return nil
}

func execute(name string, data any) (template.HTML, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("report: template %s: %w", name, err)
	}
	return template.HTML(b.String()), nil
}

// asset returns an embedded file, which the build guarantees to exist.
func asset(name string) string {
	b, err := assets.ReadFile("page/" + name)
	if err != nil {
		return ""
	}
	return string(b)
}

// scaleSteps is the number of colours of heat cells beyond the first.
const scaleSteps = 50

// scaleCSS is one class a step of the colour scale, .h0 to .h50, and .hx for missing values.
func scaleCSS() string {
	var b strings.Builder
	rule := func(class string, t float64) {
		light, dark := figure.Sequential(t), figure.SequentialDark(t)
		fmt.Fprintf(&b, ".%s{background:light-dark(%s,%s);color:light-dark(%s,%s)}\n", class,
			figure.Hex(light), figure.Hex(dark), figure.Hex(figure.Ink(light)), figure.Hex(figure.Ink(dark)))
	}
	for i := range scaleSteps + 1 {
		rule(fmt.Sprint("h", i), float64(i)/scaleSteps)
	}
	rule("hx", nan)
	var stops []string
	for i := 0; i <= 10; i++ {
		t := float64(i) / 10
		stops = append(stops, fmt.Sprintf("light-dark(%s,%s)", figure.Hex(figure.Sequential(t)), figure.Hex(figure.SequentialDark(t))))
	}
	fmt.Fprintf(&b, ".ramp i{background:linear-gradient(to right,%s)}\n", strings.Join(stops, ","))
	return b.String()
}

// prose escapes a paragraph and sets what stands between backquotes as code.
func prose(s string) template.HTML {
	parts := strings.Split(s, "`")
	if len(parts)%2 == 0 { // an unpaired backquote is just that
		return template.HTML(template.HTMLEscapeString(s))
	}
	var b strings.Builder
	for i, part := range parts {
		if i%2 == 1 {
			b.WriteString("<code>" + template.HTMLEscapeString(part) + "</code>")
			continue
		}
		b.WriteString(template.HTMLEscapeString(part))
	}
	return template.HTML(b.String())
}
