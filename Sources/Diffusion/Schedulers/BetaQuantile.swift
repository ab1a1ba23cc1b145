import Glibc

/// The quantile of the symmetric distribution Beta(a, a): the x whose share below is `p`, 0 ... 1.
///
/// By bisection of the distribution's function to the last bit (scipy's `stats.beta.ppf(p, a, a)`).
func betaQuantile(_ p: Double, _ a: Double) -> Double {
  if p <= 0 { return 0 }
  if p >= 1 { return 1 }
  if p > 0.5 { return 1 - betaQuantile(1 - p, a) }
  var (low, high) = (0.0, 0.5)
  while true {
    let middle = (low + high) / 2
    if middle == low || middle == high { return middle }
    if lowerBeta(middle, a) < p { low = middle } else { high = middle }
  }
}

/// The share of Beta(a, a) below x, for x of at most 1/2, where the series in x of the incomplete beta function converges:
/// I = x^a (1 - x)^a / (a B(a, a)) · (1 + Σ Π (2a + k) / (a + 1 + k) x).
private func lowerBeta(_ x: Double, _ a: Double) -> Double {
  let logarithm = a * (log(x) + log1p(-x)) + lgamma(2 * a) - 2 * lgamma(a) - log(a)
  var (term, sum, k) = (1.0, 1.0, 0.0)
  while term > sum * 1e-17 {
    term *= (2 * a + k) / (a + 1 + k) * x
    sum += term
    k += 1
  }
  return exp(logarithm) * sum
}
