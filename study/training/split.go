package training

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
)

// share reads the option Validation: a share of the images in 0..1, or a path.
func share(validation string) (share float64, path string, err error) {
	if validation == "" {
		return .1, "", nil
	}
	v, err := strconv.ParseFloat(validation, 64)
	if err != nil {
		return 0, validation, nil
	}
	if !(v >= 0 && v < 1) {
		return 0, "", fmt.Errorf("training: validation %s: expected a share of the images from 0 to below 1, or a data set", validation)
	}
	return v, "", nil
}

// split draws a share of each class for validation: the nearest whole number of its images, but one at least and never all. It returns
// positions in labels, in ascending order. A class with a single image is trained on.
func split(labels []int, classes int, share float64, seed uint64) (train, validation []int) {
	of := make([][]int, classes)
	for i, class := range labels {
		of[class] = append(of[class], i)
	}
	random := rand.New(rand.NewPCG(seed, 0x73706c6974)) // "split"
	for _, all := range of {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		n := 0
		if share > 0 {
			n = min(max(1, int(math.Round(share*float64(len(all))))), max(0, len(all)-1))
		}
		validation, train = append(validation, all[:n]...), append(train, all[n:]...)
	}
	slices.Sort(train)
	slices.Sort(validation)
	return train, validation
}

// counts returns the number of images of each class.
func counts[T int | int32](labels []T, classes int) []int {
	n := make([]int, classes)
	for _, class := range labels {
		n[class]++
	}
	return n
}
