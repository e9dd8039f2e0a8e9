//! The e-value of signs: what one may bet against a fair coin, and look at after every throw.

/// E-value of `count` heads in `n` throws against "heads come at most half the time, whatever came before".
///
/// Who starts with 1 and stakes the share 2p − 1 of it on heads at every throw has (2p)ᵏ(2(1 − p))ⁿ⁻ᵏ after n; this is the
/// mean of that over all p between ½ and 1 (Robbins 1970),
///
/// ```text
/// E = 2 ∫ (2p)ᵏ (2(1 − p))ⁿ⁻ᵏ dp  =  Σ C(n + 1, j) / ((n + 1) C(n, k))    over j from 0 to k.
/// ```
///
/// It starts with 1 and, where the coin is no better than fair, does not grow on average; so the chance that it ever
/// reaches 1/α, at whichever of any number of throws one looks, is at most α (Ville 1939). Finite for n up to 1,000.
pub fn sign_e_value(count: usize, n: usize) -> f64 {
    let (mut ways, mut sum) = (1.0, 0.0);
    // C(n + 1, j), from j = 0 upwards.
    for j in 0..=count {
        sum += ways;
        ways *= (n + 1 - j) as f64 / (j + 1) as f64;
    }
    let chosen = (0..count).fold(1.0, |ways, j| ways * (n - j) as f64 / (j + 1) as f64);
    sum / ((n + 1) as f64 * chosen)
}
