package robustness

import "fmt"

// MeanError returns the plain mean corruption error as a fraction, 0..1: the mean over corruptions of the mean over severities. No
// corruptions means the 15 of the benchmark, no severities all five. It is the score of CIFAR-10-C, which knows no baseline. It reports an
// error naming the first corruption or severity that the table lacks.
func MeanError(t ErrorTable, corruptions []string, severities []int) (float64, error) {
	if len(corruptions) == 0 {
		corruptions = benchmark
	}
	return meanOf(corruptions, func(c string) (float64, error) {
		mean, err := t.meanOver(c, severities)
		if err != nil {
			return 0, fmt.Errorf("robustness: %w", err)
		}
		return mean, nil
	})
}

// CorruptionError returns CE_c = Σ_s E_{s,c} / Σ_s E^baseline_{s,c} of Hendrycks & Dietterich (2019), section 4.1, in percent: 100 is as bad
// as the baseline. It reports an error naming the first severity that either table lacks, or a baseline without errors.
func CorruptionError(model, baseline ErrorTable, corruption string) (float64, error) {
	m, b, err := means(model, baseline, corruption)
	if err != nil {
		return 0, err
	}
	if b == 0 {
		return 0, fmt.Errorf("robustness: the baseline has no errors under %s to divide by", corruption)
	}
	return 100 * m / b, nil
}

// RelativeCorruptionError returns Σ_s (E_{s,c} − E_clean) / Σ_s (E^baseline_{s,c} − E^baseline_clean) of Hendrycks & Dietterich (2019),
// section 4.1, in percent: how much of its clean accuracy the model loses, relative to the baseline's loss. It reports an error naming the
// first number that either table lacks, or a baseline that loses nothing.
func RelativeCorruptionError(model, baseline ErrorTable, corruption string) (float64, error) {
	m, b, err := means(model, baseline, corruption)
	if err != nil {
		return 0, err
	}
	if !model.hasClean {
		return 0, fmt.Errorf("robustness: model: the table lacks the clean error")
	}
	if !baseline.hasClean {
		return 0, fmt.Errorf("robustness: baseline: the table lacks the clean error")
	}
	if b == baseline.clean {
		return 0, fmt.Errorf("robustness: the baseline loses nothing under %s to divide by", corruption)
	}
	return 100 * (m - model.clean) / (b - baseline.clean), nil
}

// MeanCorruptionError returns the mCE of Hendrycks & Dietterich (2019), section 4.1, in percent: the mean of CorruptionError over the 15
// corruptions. It is a mean of ratios, not a ratio of means. It reports an error naming the first corruption or severity that either table
// lacks.
func MeanCorruptionError(model, baseline ErrorTable) (float64, error) {
	return meanOf(benchmark, func(c string) (float64, error) { return CorruptionError(model, baseline, c) })
}

// RelativeMeanCorruptionError returns the relative mCE of Hendrycks & Dietterich (2019), section 4.1, in percent: the mean of
// RelativeCorruptionError over the 15 corruptions. It can exceed 100 for a model far better than the baseline, because the baseline's loss
// under mild corruptions is small. It reports an error naming the first number that either table lacks.
func RelativeMeanCorruptionError(model, baseline ErrorTable) (float64, error) {
	return meanOf(benchmark, func(c string) (float64, error) { return RelativeCorruptionError(model, baseline, c) })
}

// means returns both tables' means over the severities. Their ratio is the paper's ratio of sums, since both have five.
func means(model, baseline ErrorTable, corruption string) (m, b float64, err error) {
	if m, err = model.meanOver(corruption, nil); err != nil {
		return 0, 0, fmt.Errorf("robustness: model: %w", err)
	}
	if b, err = baseline.meanOver(corruption, nil); err != nil {
		return 0, 0, fmt.Errorf("robustness: baseline: %w", err)
	}
	return m, b, nil
}

func meanOf(corruptions []string, score func(string) (float64, error)) (float64, error) {
	sum := 0.0
	for _, c := range corruptions {
		s, err := score(c)
		if err != nil {
			return 0, err
		}
		sum += s
	}
	return sum / float64(len(corruptions)), nil
}
