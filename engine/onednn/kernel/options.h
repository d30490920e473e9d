// What cgo does not let through as flags: square roots and comparisons become vector code. NaN, infinities and the order of sums stay as written.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")
#endif
