package report

import (
	"bytes"
	"strings"
	"testing"
)

func answered(image AnsweredImage) Answers {
	return Answers{Title: "What they said", Sets: []AnswerSet{{
		Name: "edge", Categories: []string{"cat", "</script>"}, Conditions: []string{"0"}, Observers: []string{"subject-01", "alexnet"}, People: 1,
		Images: []AnsweredImage{image},
	}}}
}

func TestAnswers(t *testing.T) {
	image := AnsweredImage{Name: "cat1", Category: 0, Responses: []uint8{0, 255}, Image: []byte("\x89PNG\r\n\x1a\n")}
	var b bytes.Buffer
	page := Page{Title: "x", Sections: []Section{{ID: "answers", Title: "Answers", Parts: []Part{answered(image)}}}}
	if err := page.Write(&b); err != nil {
		t.Fatal(err)
	}
	if want := `"images":[["cat1",0,0,"a.","data:image/png;base64,iVBORw0KGgo="]]`; !strings.Contains(b.String(), want) {
		t.Errorf("the page lacks %s", want)
	}
	if strings.Contains(b.String(), `"</script>"`) {
		t.Error("a category ends the script")
	}
}

func TestAnswersErrors(t *testing.T) {
	for want, image := range map[string]AnsweredImage{
		`answers "What they said", data set "edge": image "a": category 2 of 2, condition 0 of 1, 2 responses, expected 2`: {Name: "a", Category: 2, Responses: []uint8{0, 0}},
		`answers "What they said", data set "edge": image "a": category 0 of 2, condition 0 of 1, 1 responses, expected 2`: {Name: "a", Responses: []uint8{0}},
		`answers "What they said", data set "edge": image "a": category 60; answers are shown for up to 52 categories`:     {Name: "a", Responses: []uint8{0, 60}},
		`answers "What they said", data set "edge": image "a": 3 bytes that are neither PNG nor JPEG`:                      {Name: "a", Responses: []uint8{0, 0}, Image: []byte("GIF")},
	} {
		if _, err := answered(image).html(nil); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
