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
	Trial        int // counts from 1 within a session
	Observer     string
	ObserverKind Kind
	Stimulus     string
	Category     string // ground truth; "" where unknown
	Condition    string
	Response     string  // "" where the observer gave none
	Correct      bool    // Response equals Category; false where either is unknown
	RT           float64 // seconds; NaN where not measured
	Confidence   float64 // probability of the response, 0..1; NaN where not given
	Extras       Extras
}

// Extras are the study-specific columns, stored as one JSON object.
type Extras struct {
	Top5            []string       `json:"top5,omitempty"`          // the five most probable categories, best first
	Probabilities   []float64      `json:"probabilities,omitempty"` // of Top5
	TrueProbability *float64       `json:"p_true,omitempty"`        // probability of Category, for cross-entropy
	Other           map[string]any `json:"-"`                       // anything else, kept when read and written again
}
