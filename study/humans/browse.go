package humans

import (
	"os"
	"slices"
	"strings"

	"visus/report"
)

// embedded bounds what images the page may hold, in bytes.
const embedded = 8 << 20

// answerSection lets the reader look up what everybody answered to an image.
func (r *run) answerSection(all []*measurement) report.Section {
	a := report.Answers{Title: "Every answer", Caption: "People stand first. “People right, models wrong”: more than half of the people name " +
		"the image rightly, less than half of the models."}
	room := embedded
	for _, m := range all {
		if len(m.Stimuli) > 0 {
			a.Sets = append(a.Sets, r.answerSet(m, &room))
		}
	}
	s := report.Section{ID: "answers", Title: "Image by image", Text: []string{"What every person and every model answered, of all images or of " +
		"those that they disagree on."}}
	if len(a.Sets) > 0 {
		s.Parts = []report.Part{a}
	}
	return s
}

func (r *run) answerSet(m *measurement, room *int) report.AnswerSet {
	order := slices.Concat(m.people, m.models)
	set := report.AnswerSet{Name: m.Name, Categories: m.Categories, People: len(m.people)}
	for _, o := range order {
		set.Observers = append(set.Observers, shortName(r.Options.display(m.Observers[o])))
	}
	for _, condition := range m.Conditions {
		set.Conditions = append(set.Conditions, m.label(condition))
	}
	for i, stimulus := range m.Stimuli {
		image := report.AnsweredImage{Name: imageOf(stimulus), Category: int(m.Truth[i]), Condition: m.Condition[i]}
		for _, o := range order {
			image.Responses = append(image.Responses, m.Responses[o][i])
		}
		image.Image = r.picture(m.Name, image.Name, room)
		set.Images = append(set.Images, image)
	}
	return set
}

// label is how a condition is shown.
func (d Dataset) label(condition string) string {
	for _, l := range d.Levels {
		if l.Condition == condition {
			return l.Label
		}
	}
	return condition
}

// picture is the image's file, where there is one that a page can hold and room for it. A file that cannot be read is one that the page lacks.
func (r *run) picture(dataset, image string, room *int) []byte {
	file := r.images[dataset][image]
	if ext := strings.ToLower(file); !strings.HasSuffix(ext, ".png") && !strings.HasSuffix(ext, ".jpg") && !strings.HasSuffix(ext, ".jpeg") {
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil || len(data) > *room {
		return nil
	}
	*room -= len(data)
	return data
}
