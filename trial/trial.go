// Package trial holds the trial table: one row for each answer of one observer to one stimulus, the same columns for people and models.
package trial

// Kind says who answered.
type Kind string

// The two kinds of observers.
const (
	Human Kind = "human"
	Model Kind = "model"
)

// Trial is one row.
type Trial struct {
	Study        string
	Session      int
	Trial        int // counts from 1 within a session of one observer
	Observer     string
	ObserverKind Kind
	Stimulus     string
	Category     string // ground truth; "" where unknown
	Condition    string
	Response     string  // "" where the observer gave none
	Correct      bool    // Response equals Category; false where either is unknown
	RT           float64 // seconds; NaN where not measured
	Confidence   float64 // probability of the response, 0..1, stored as float32; NaN where not given
	Extras       Extras
}

// Header names the columns of the table in the order in which they are written.
const Header = "study,session,trial,observer,observer_kind,stimulus,category,condition,response,correct,rt_seconds,confidence,extras"
