package degradation

import (
	"fmt"
	"path"
	"strings"

	"visus/stimulus"
	"visus/trial"
)

// plain makes one part of a file name, whose parts are joined by _, of a label or a path.
func plain(text string) string {
	return strings.NewReplacer("_", "-", "/", "-", `\`, "-", ":", "-").Replace(text)
}

func list(names []string) string { return strings.Join(names, ", ") }

// imageNames returns for each stimulus the name by which trials of people and models are joined: the file's name without extension, below its
// category where two categories have files of one name, or else its whole path. In names of ImageNet, n01234567_89, the underscore stays.
func imageNames(source stimulus.Source) ([]string, error) {
	for _, name := range []func(stimulus.Item) string{
		func(i stimulus.Item) string { return imageName(path.Base(i.ID)) },
		func(i stimulus.Item) string { return plain(i.Category) + "-" + imageName(path.Base(i.ID)) },
		func(i stimulus.Item) string { return plain(strings.TrimSuffix(i.ID, path.Ext(i.ID))) },
	} {
		names, seen := make([]string, source.Len()), map[string]bool{}
		for i := range names {
			names[i] = name(source.Item(i))
			seen[names[i]] = true
		}
		if len(seen) == len(names) {
			return names, nil
		}
	}
	return nil, fmt.Errorf("degradation: two images have the same name but for their extension; expected names by which trials can be joined")
}

// imageName is the image's part of a file name: the whole name, or that of a stimulus file of the field,
// <trial>_<code>_<subject>_<condition>_<category>_<number>_<image>.
func imageName(file string) string {
	parts := strings.Split(file, "_")
	n := len(parts)
	if n >= 2 && strings.HasPrefix(parts[n-2], "n0") || n == 7 && len(parts[0]) == 4 {
		return trial.ImageKey(file)
	}
	return plain(strings.TrimSuffix(file, path.Ext(file)))
}
