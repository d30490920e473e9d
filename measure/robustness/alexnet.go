package robustness

// alexNetClean is AlexNet's clean error on the 5,000 ImageNet images of RobustBench (Croce et al. 2021).
const alexNetClean = 0.4376

// alexNet lists AlexNet's errors on ImageNet-C: the mean over the severities on 50,000 images, as AugMix (Hendrycks et al. 2020) divides by,
// and the single severities on the 5,000 images of RobustBench.
var alexNet = []struct {
	corruption string
	mean       float64
	severity   [Severities]float64
}{
	{"gaussian_noise", 0.886428, [Severities]float64{0.689, 0.8186, 0.9276, 0.9786, 0.9942}},
	{"shot_noise", 0.894468, [Severities]float64{0.7056, 0.8402, 0.9274, 0.9804, 0.988}},
	{"impulse_noise", 0.92264, [Severities]float64{0.7766, 0.8846, 0.9444, 0.986, 0.9946}},
	{"defocus_blur", 0.81988, [Severities]float64{0.6596, 0.738, 0.8498, 0.915, 0.9478}},
	{"glass_blur", 0.826268, [Severities]float64{0.6514, 0.7588, 0.8874, 0.92, 0.9364}},
	{"motion_blur", 0.785948, [Severities]float64{0.5826, 0.705, 0.8206, 0.8978, 0.9302}},
	{"zoom_blur", 0.79836, [Severities]float64{0.6972, 0.7692, 0.8064, 0.837, 0.8688}},
	{"snow", 0.866816, [Severities]float64{0.7212, 0.886, 0.868, 0.915, 0.9498}},
	{"frost", 0.826572, [Severities]float64{0.6212, 0.8024, 0.8948, 0.9006, 0.9384}},
	{"fog", 0.819324, [Severities]float64{0.6846, 0.7676, 0.843, 0.8786, 0.9444}},
	{"brightness", 0.564592, [Severities]float64{0.4496, 0.486, 0.536, 0.6114, 0.7094}},
	{"contrast", 0.853204, [Severities]float64{0.6504, 0.7666, 0.8906, 0.9734, 0.9906}},
	{"elastic_transform", 0.646056, [Severities]float64{0.529, 0.6978, 0.56, 0.6432, 0.8102}},
	{"pixelate", 0.71784, [Severities]float64{0.5246, 0.5498, 0.733, 0.8712, 0.9142}},
	{"jpeg_compression", 0.6065, [Severities]float64{0.5142, 0.5478, 0.5772, 0.6512, 0.7436}},
}

// AlexNet5000 returns AlexNet's errors on the 5,000 ImageNet-C images of RobustBench: clean images and every severity. RobustBench's mCE
// divides by them.
func AlexNet5000() ErrorTable {
	t := ErrorTable{clean: alexNetClean, hasClean: true}
	for _, r := range alexNet {
		t.at(r.corruption).severity = r.severity
	}
	return t
}

// AlexNet50000 returns AlexNet's mean errors over the severities on the 50,000 images of ImageNet-C, by which AugMix and most papers divide.
// It has neither single severities nor the clean error, so it serves MeanCorruptionError but not RelativeMeanCorruptionError.
func AlexNet50000() ErrorTable {
	var t ErrorTable
	for _, r := range alexNet {
		t.at(r.corruption).mean = r.mean
	}
	return t
}
