// Package observer holds who looks: ONNX models that answer a batch of images with class probabilities.
package observer

// Answer is what an observer says to one image: a probability for each of its classes.
type Answer struct {
	Probabilities []float32 // [class], summing to 1
}

// Top returns the k most probable classes, best first; ties go to the lower index. k is cut to the number of classes.
func (a Answer) Top(k int) []int {
	k = min(k, len(a.Probabilities))
	top := make([]int, 0, k)
	for class, p := range a.Probabilities {
		at := len(top)
		for at > 0 && p > a.Probabilities[top[at-1]] {
			at--
		}
		if at == k {
			continue
		}
		if len(top) < k {
			top = append(top, 0)
		}
		copy(top[at+1:], top[at:])
		top[at] = class
	}
	return top
}
