package rescale

import "fmt"

// ApplyRows writes clip(x + eta delta) into v for factors that are given, one for each row, and says how long each perturbation is then;
// Reached and eps have no meaning here. v may be x or delta. It reports the errors of EtaRows.
func ApplyRows[E number](v, x, delta []E, eta []float64, o Options) ([]Report, error) {
	b, err := prepare(eta, x, delta, []float64{0}, o)
	if err != nil {
		return nil, err
	}
	if len(v) != len(x) {
		return nil, fmt.Errorf("rescale: expected %d elements for the result, found %d", len(x), len(v))
	}
	for row, factor := range eta {
		if factor-factor != 0 {
			return nil, fmt.Errorf("rescale: sample %d: the factor is %v; expected a finite number", row, factor)
		}
	}
	reports := make([]Report, len(eta))
	return reports, b.each(func(_ *workspace, row int) error {
		for i := range b.n {
			if err := b.fault(row, i); err != nil {
				return err
			}
		}
		reports[row] = b.write(v, row, eta[row])
		reports[row].Eta = eta[row]
		return nil
	})
}
