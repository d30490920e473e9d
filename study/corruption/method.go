package corruption

import (
	"fmt"
	"strings"

	"visus/report"
	"visus/study/result"
)

// methodSection says how the numbers came about and how to get them again.
func (x *examination) methodSection(f *Findings) report.Section {
	text := []string{
		"Images are brought to the model's input size first, then corrupted by the published laws of Hendrycks & Dietterich (2019), then normalised for the model. Random draws depend on the seed, the corruption, the severity and the image alone.",
		"Intervals have a level of 95 %: Wilson's score interval for accuracies, a bootstrap over images (2,000 resamples) for mean corruption errors and differences between models. The interval of one corruption's mean takes the severities for independent and is therefore a little narrow.",
		"Expected calibration error: 15 equal-width bins (Guo et al. 2017). Cross-entropy in nats.",
	}
	if x.Data.Recorded() {
		text[0] = "The data are corrupted on disk and shown as they are, brought to the model's input size where they have another."
	}
	if f.Observers[0].MCE != nil {
		text = append(text, "mCE divides each corruption's errors by AlexNet's on 50,000 images (as AugMix and most papers do); relative mCE by those on RobustBench's 5,000, the only ones published per severity.")
	}
	facts := []report.Fact{
		{Name: "visus", Value: f.Visus}, {Name: "engine", Value: f.Engine},
		{Name: "images", Value: fmt.Sprintf("%s (%s, %d shown)", x.Options.Images, x.Set.Kind, f.Stimuli)},
		{Name: "seed", Value: fmt.Sprint(x.Options.Seed)},
		{Name: "corruptions", Value: strings.Join(f.Corruptions, ", ")},
		{Name: "parameters", Value: x.parametersText()},
	}
	if !x.Options.Shard.Whole() {
		facts = append(facts, report.Fact{Name: "shard", Value: x.Options.Shard.String()})
	}
	for i, m := range x.config.Models {
		facts = append(facts, report.Fact{Name: m.Name, Value: fmt.Sprintf("%s; input %d×%d, preprocessing %s, labels by %s, classes from %s, output %s (%s); SHA-256 %.16s…",
			x.Options.Models[i], m.Width, m.Height, m.Preprocessing, m.Labels, m.Classes, m.Output, x.Models[i].Scores, m.SHA256)})
	}
	return report.Section{ID: "method", Title: "Method", Text: text, Parts: []report.Part{report.Details{Title: "What was run", Facts: facts, Command: "visus rerun " + result.Quoted(x.folder)}}}
}

// parametersText names the parameter set of each view.
func (x *examination) parametersText() string {
	if x.Data.Recorded() {
		return "those of the data set"
	}
	var words []string
	for _, v := range x.Views {
		words = append(words, fmt.Sprintf("%s at %d×%d", v.Parameters.Name, v.Width, v.Height))
	}
	text := strings.Join(words, ", ")
	if x.Options.AsPublished {
		text += ", stored as JPEG of quality 85"
	}
	return text
}
