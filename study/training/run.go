package training

// run is a study that has been set up.
type run struct {
	Study
	folder string
	images *labelled
	apart  *labelled // validation images of their own; nil: a share of the others
}
