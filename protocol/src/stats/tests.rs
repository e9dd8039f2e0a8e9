//! Golden vectors: scipy 1.17.1 and statsmodels 0.15.0.

use super::*;

const A: [f64; 8] = [82.1, 81.7, 82.6, 81.9, 82.3, 82.0, 81.5, 82.4];
const B: [f64; 8] = [80.9, 81.2, 81.4, 80.7, 81.8, 81.1, 80.6, 81.5];

fn differences() -> Vec<f64> {
    A.iter().zip(B).map(|(a, b)| a - b).collect()
}

#[track_caller]
fn close(found: f64, wanted: f64) {
    let error = (found - wanted).abs() / wanted.abs().max(1e-300);
    assert!(
        error < 1e-9,
        "{found} is not {wanted} (relative error {error:e})"
    );
}

#[test]
fn paired_t_agrees_with_scipy() {
    let paired = paired(&differences()).expect("eight pairs");
    close(paired.mean, 0.9125);
    close(paired.sd, 0.2900123150094512);
    close(paired.t(0.0), 8.899414327446);
    close(2.0 * paired.p_greater(0.0), 4.58894401666e-05);
    close(paired.bounds(0.025).0, 0.6700436371);
    close(paired.bounds(0.025).1, 1.1549563629);
    close(paired.bounds(0.05).0, 0.7182396910);
    close(paired.bounds(0.05).1, 1.1067603090);
    // Standardised effect d_z, given to seven digits.
    assert!((paired.mean / paired.sd - 3.1464181).abs() < 1e-7);
}

#[test]
fn equivalence_by_two_one_sided_tests_agrees_with_statsmodels() {
    let paired = paired(&differences()).expect("eight pairs");
    let tost = |m: f64| paired.p_greater(-m).max(paired.p_less(m));
    close(tost(0.5), 0.9974798879);
    close(tost(1.5), 3.565553878933e-04);
}

#[test]
fn exact_tests_agree_with_scipy() {
    // The observed pattern is the most extreme of 256, in either direction.
    close(2.0 * sign_flip(&differences()), 0.0078125);
    close(wilcoxon(&differences()), 0.0078125);
    close(superiority(&A, &B).expect("both have runs"), 0.9609375);
    assert_eq!(superiority(&A, &[]), None);
}

#[test]
fn sign_flip_meets_in_the_middle_correctly() {
    let d = [0.3, -0.1, 0.25, 0.02, -0.4, 0.6, 0.11];
    let observed: f64 = d.iter().sum();
    let brute = (0..1 << d.len())
        .filter(|pattern| {
            let sum: f64 = d
                .iter()
                .enumerate()
                .map(|(i, x)| if pattern >> i & 1 == 1 { -x } else { *x })
                .sum();
            sum >= observed - 1e-12
        })
        .count();
    close(sign_flip(&d), brute as f64 / 128.0);
    assert_eq!(sign_flip(&[0.0; 6]), 1.0);
    assert!(sign_flip(&[1.0; 40]) > 0.0);
}

#[test]
fn holm_gives_the_step_down_levels() {
    // Adjusted p of [.01, .04, .03, .005] are [.03, .06, .06, .02]: at .05 only the first and last pass.
    let all = [0.01, 0.04, 0.03, 0.005];
    let passes: Vec<bool> = (0..4)
        .map(|i| {
            let others: Vec<f64> = (0..4).filter(|j| *j != i).map(|j| all[j]).collect();
            all[i] <= holm_level(all[i], &others, 0, 0.05)
        })
        .collect();
    assert_eq!(passes, [true, false, false, true]);
    close(holm_level(0.03, &[], 0, 0.05), 0.05);
    close(holm_level(0.03, &[], 4, 0.05), 0.01);
}

#[test]
fn wilson_agrees_with_statsmodels() {
    let (low, high) = wilson(7, 8, 0.05);
    close(low, 0.5291118177871464);
    close(high, 0.9775825085499433);
}

#[test]
fn newcombe_agrees_with_his_example() {
    // Newcombe 1998, table II, first row of method 10: a = 36, b = 12, c = 2, d = 0.
    let (low, high) = newcombe_paired(36, 12, 2, 0, 0.05);
    assert!(
        (low - 0.0569).abs() < 5e-5 && (high - 0.3404).abs() < 5e-5,
        "{low} {high}"
    );
}

#[test]
fn mcnemar_is_the_binomial_tail() {
    close(mcnemar(8, 0), 1.0 / 256.0);
    close(mcnemar(1, 1), 0.75);
    assert_eq!(mcnemar(0, 5), 1.0);
}
