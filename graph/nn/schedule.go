package nn

import "math"

// Schedule is the learning rate at a step, counted from 0.
type Schedule func(step int) float64

// Steady is the same rate at every step.
func Steady(rate float64) Schedule { return func(int) float64 { return rate } }

// Stairs multiplies the rate by factor at each of the given steps.
func Stairs(rate, factor float64, at ...int) Schedule {
	return func(step int) float64 {
		r := rate
		for _, s := range at {
			if step >= s {
				r *= factor
			}
		}
		return r
	}
}

// Cosine goes from rate to last over a number of steps, along half a cosine, and stays there (Loshchilov and Hutter 2017, without
// restarts): last + ½ (rate - last) (1 + cos(π step/steps)).
func Cosine(rate, last float64, steps int) Schedule {
	return func(step int) float64 { return anneal(rate, last, portion(step, steps)) }
}

// Warmup rises evenly to what a schedule begins with, which it reaches at the last of its steps, and then follows the schedule.
func Warmup(steps int, then Schedule) Schedule {
	return func(step int) float64 {
		if step < steps {
			return then(0) * float64(step+1) / float64(steps)
		}
		return then(step - steps)
	}
}

// OneCycle rises from highest/25 to highest in the first 30 % of the steps and falls to highest/250000, both along half a cosine (Smith
// and Topin 2018, in PyTorch's form and with its numbers).
func OneCycle(highest float64, steps int) Schedule {
	first := highest / 25
	last, top := first/1e4, 0.3*float64(steps)-1
	return func(step int) float64 {
		at := float64(min(step, steps-1))
		if at <= top {
			return anneal(first, highest, at/top)
		}
		return anneal(highest, last, (at-top)/(float64(steps-1)-top))
	}
}

func anneal(from, to, portion float64) float64 {
	return to + (from-to)/2*(1+math.Cos(math.Pi*portion))
}

func portion(step, steps int) float64 {
	if steps <= 0 {
		return 1
	}
	return min(float64(step)/float64(steps), 1)
}
