package trial

import (
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"unicode"
)

// ImageID returns what the names of one image have in common in all trials, with the extension: of a name
// <trial>_<code>_<observer>_<condition>_<category>_<number>_<image> the image, which is the last part, or the last two where the image is
// one of ImageNet's (n02951358_5952.JPEG). Other names stay as they are, unless they have parts. Folders before the name are dropped.
func ImageID(name string) string {
	name = base(name)
	last := strings.LastIndexByte(name, '_')
	if last < 0 {
		return name
	}
	before := strings.LastIndexByte(name[:last], '_')
	if strings.HasPrefix(name[before+1:last], "n0") {
		return name[before+1:]
	}
	return name[last+1:]
}

// ImageKey returns the image's id without extension, by which the trials of people and models are joined: they saw the same image also where
// one of them saw it in another file format.
func ImageKey(name string) string {
	id := ImageID(name)
	return strings.TrimSuffix(id, path.Ext(id))
}

// TextureCategory returns the category whose texture a cue-conflict image has: bird for cat1-bird3.png. It is what stands behind the last - or _
// before the extension, without digits, so it means nothing for images of other data sets.
func TextureCategory(name string) string {
	last := name[strings.LastIndexByte(name, '_')+1:]
	last, _, _ = strings.Cut(last, ".")
	last = last[strings.LastIndexByte(last, '-')+1:]
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, last)
}

// StimulusName is what the place of a stimulus file says of it.
type StimulusName struct {
	Session   int    // 1 where the place has none
	Condition string // "NaN" where the place has none
	Category  string
}

// ParseStimulus reads the place of a stimulus file, in either of the field's layouts: …/session-<k>/<name>, where the fourth and fifth part of the
// name are condition and category, and …/<category>/<name>. It reports an error where the place says no category.
func ParseStimulus(place string) (StimulusName, error) {
	place = strings.ReplaceAll(place, "\\", "/")
	name, folder := path.Base(place), path.Base(path.Dir(place))
	text, numbered := strings.CutPrefix(folder, "session-")
	session, err := strconv.Atoi(text)
	if !numbered || err != nil {
		if folder == "." || folder == "/" {
			return StimulusName{}, fmt.Errorf("trial: stimulus %s: expected a folder that is named like its category", place)
		}
		return StimulusName{Session: 1, Condition: "NaN", Category: folder}, nil
	}
	parts := strings.Split(name, "_")
	if len(parts) < 5 || parts[4] == "" {
		return StimulusName{}, fmt.Errorf("trial: stimulus %s: expected a name <trial>_<code>_<observer>_<condition>_<category>_…", place)
	}
	return StimulusName{Session: session, Condition: parts[3], Category: parts[4]}, nil
}

// NameStimulus writes the name of an image as the field does; what reads it needs parts without "_". It reports an error where a part has one.
// The number says nothing that measures use.
func NameStimulus(trial int, code, observer, condition, category string, number int, image string) (string, error) {
	for _, part := range []string{code, observer, condition, category} {
		if part == "" || strings.ContainsAny(part, "_/\\") {
			return "", fmt.Errorf("trial: %q cannot be part of a stimulus's name: it is empty or has _, / or \\", part)
		}
	}
	return fmt.Sprintf("%04d_%s_%s_%s_%s_%02d_%s", trial, code, observer, condition, category, number, base(image)), nil
}

func base(name string) string { return name[strings.LastIndexAny(name, "/\\")+1:] }

// ConditionKey returns the same text for all ways to write one condition: programs that guess types turn 0.90 into 0.9, 1 into 1.0, and true
// into True. Numbers are equal where their values are, other texts where they are in lower case.
func ConditionKey(condition string) string {
	text := strings.ToLower(strings.TrimSpace(condition))
	if v, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(v) {
		return strconv.FormatFloat(v+0, 'g', -1, 64) // + 0 makes -0 equal to 0
	}
	return text
}

// SameCondition says whether two texts mean one condition: see ConditionKey.
func SameCondition(a, b string) bool { return ConditionKey(a) == ConditionKey(b) }

// ObserverKey returns the same text for all ways to write a model's name: files have - where tables have _.
func ObserverKey(name string) string { return strings.ReplaceAll(name, "_", "-") }

// FileName returns how the field names the table of one observer's session: <dataset>_<subject>_session_<k>.csv for people, and
// <dataset>_<model>_session-<k>.csv for models, whose names have - instead of _ there.
func FileName(dataset, observer string, session int) string {
	if kindOf(observer) == Human {
		return fmt.Sprintf("%s_%s_session_%d.csv", dataset, observer, session)
	}
	return fmt.Sprintf("%s_%s_session-%d.csv", dataset, ObserverKey(observer), session)
}
