package confusion_test

import (
	"fmt"

	"visus/measure/confusion"
)

func ExampleMatrix_MostConfused() {
	m, err := confusion.New([]string{"cat", "dog"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, answer := range []string{"cat", "dog", "dog", "cat"} {
		if err := m.Add("cat", answer); err != nil {
			fmt.Println(err)
		}
	}
	for _, p := range m.MostConfused(3) {
		fmt.Printf("%s taken for %s: %d (%.0f %%)\n", p.Truth, p.Answer, p.Count, 100*p.Rate)
	}
	// Output: cat taken for dog: 2 (50 %)
}
