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

/// Every pattern of signs, of differences with ties and zeros among them.
#[test]
fn sign_flip_counts_every_pattern_of_ties_too() {
    for d in [
        vec![0.5, 0.5, -0.5, 0.0, 1.0, 1.0, -0.25, 0.25, 0.0, 2.0, -2.0],
        vec![-3.0, 0.1, 0.2, 0.3, 0.1, 0.1, 0.4],
        vec![0.0],
    ] {
        let observed: f64 = d.iter().sum();
        let patterns = 1_u32 << d.len();
        let reach = |pattern: &u32| {
            let signed = d.iter().enumerate();
            let sum: f64 = signed
                .map(|(i, x)| if pattern >> i & 1 == 1 { -x } else { *x })
                .sum();
            sum >= observed - 1e-9
        };
        let count = (0..patterns).filter(reach).count();
        close(sign_flip(&d), count as f64 / f64::from(patterns));
    }
}

/// All nⁿ resamples drawn one by one: of an odd and of an even number, with a tie.
#[test]
fn the_bootstrap_of_a_median_counts_every_resample() {
    for values in [
        vec![3.0, 1.0, 2.5, 1.0, 7.0],
        vec![0.5, -1.0, 2.0, 2.0, 4.0, 9.0],
    ] {
        let n = values.len();
        let all = n.pow(n as u32);
        let mut medians: Vec<f64> = (0..all)
            .map(|mut code| {
                let drawn: Vec<f64> = (0..n)
                    .map(|_| {
                        let value = values[code % n];
                        code /= n;
                        value
                    })
                    .collect();
                median(&drawn).expect("values")
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        for alpha in [0.011, 0.053, 0.21] {
            let beyond = (alpha * all as f64) as usize;
            let wanted = [medians[beyond], medians[all - 1 - beyond]];
            assert_eq!(bootstrap_median(&values, alpha), Some(wanted), "{alpha}");
        }
    }
    assert_eq!(bootstrap_median(&[], 0.05), None);
    assert_eq!(bootstrap_median(&[4.0], 0.05), Some([4.0, 4.0]));
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

#[test]
fn the_sign_test_agrees_with_scipy() {
    // scipy.stats.binomtest(k, n, 0.5, alternative="greater")
    close(sign_test(7, 8), 0.03515625);
    close(sign_test(13, 16), 0.0106353759765625);
    close(sign_test(27, 40), 0.01923865414210013);
    close(sign_test(40, 40), 9.094947017729282e-13);
    close(sign_test(0, 8), 1.0);
}

#[test]
fn the_median_is_bounded_by_the_values_that_the_sign_test_leaves() {
    let values = [3.0, 1.0, 8.0, 2.0, 5.0, 7.0, 6.0, 4.0];
    assert_eq!(median(&values), Some(4.5));
    // Of eight the second from either end: one or none beyond it has a chance of 9/256 = 0.035.
    assert_eq!(median_bounds(&values, 0.05), (2.0, 7.0));
    assert_eq!(median_bounds(&values, 0.01), (1.0, 8.0));
    assert_eq!(
        median_bounds(&values, 0.001),
        (f64::NEG_INFINITY, f64::INFINITY)
    );
    assert_eq!(median(&[f64::MAX, f64::MAX]), Some(f64::MAX));
    assert_eq!(median(&[]), None);
}

#[test]
fn skewness_agrees_with_scipy() {
    // scipy.stats.skew(d, bias=False)
    close(
        skewness(&differences()).expect("a spread"),
        -0.5395480666365232,
    );
    assert_eq!(skewness(&[1.0; 8]), None);
}

#[test]
fn paired_shares_agree_with_a_search_in_scipy() {
    // Tango's ordering with the restricted likelihood maximised by scipy.optimize, multinomial tails summed, the largest
    // over the share of discordant pairs searched: bench/verdict/golden.py.
    for (first, second, pairs, null, p) in [
        (0, 0, 29, 0.1, 0.048622173918710515),
        (0, 0, 28, 0.1, 0.052334763302735725),
        (0, 0, 16, 0.1, 0.18530201888518466),
        (0, 2, 6, 0.1, 0.06919804687500006),
        (0, 3, 6, 0.1, 0.03222793341024459),
        (1, 4, 20, 0.1, 0.02486836927466836),
        (3, 5, 16, 0.05, 0.20136158125979203),
        (0, 8, 8, 0.0, 0.003906250000000004),
        (0, 0, 40, 0.1, 0.01957754000410505),
    ] {
        let found = paired_shares_below(first, second, pairs, null);
        assert!(
            (found - p).abs() < 1e-6,
            "{first} {second} {pairs} {null}: {found} is not {p}"
        );
    }
}

#[test]
fn rank_correlation_agrees_with_scipy() {
    // scipy.stats.spearmanr
    let tied = [0.1, 0.4, 0.4, 0.2, 0.9, 0.3, 0.3, 0.3];
    let other = [1.0, 3.0, 2.0, 2.0, 9.5, 0.5, 2.0, 4.0];
    let pairs = |a: &[f64], b: &[f64]| -> Vec<[f64; 2]> {
        a.iter().zip(b).map(|(a, b)| [*a, *b]).collect()
    };
    close(rank_correlation(&pairs(&tied, &other)), 0.6289432567832846);
    let hours = [
        106.0, 100.0, 86.0, 101.0, 99.0, 103.0, 97.0, 113.0, 112.0, 110.0,
    ];
    let marks = [7.0, 27.0, 2.0, 50.0, 28.0, 29.0, 20.0, 12.0, 6.0, 17.0];
    close(
        rank_correlation(&pairs(&hours, &marks)),
        -0.17575757575757575,
    );
    assert_eq!(
        rank_correlation(&pairs(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0])),
        0.0
    );
    assert_eq!(rank_correlation(&[]), 0.0);
    assert!(rank_correlation(&[[f64::NAN, 1.0], [1.0, 2.0]]).is_nan());
}

/// Numbers of scipy.special: bench/verdict/golden.py.
#[test]
fn the_e_value_of_signs_agrees_with_scipy() {
    for (heads, throws, golden) in [
        (0, 0, 1.0),
        (6, 6, 18.142857142857142),
        (7, 7, 31.875),
        (8, 8, 56.77777777777778),
        (7, 8, 6.972222222222222),
        (12, 14, 23.917216117216118),
        (3, 9, 0.2095238095238095),
        (0, 12, 0.07692307692307691),
        (40, 40, 53634713550.02439),
        (29, 40, 23.15023870173918),
    ] {
        let found = sign_e_value(heads, throws);
        assert!(
            (found / golden - 1.0).abs() < 1e-12,
            "{heads} of {throws}: {found}"
        );
    }
}

/// What makes it an e-value: from every state a fair coin leaves it as it is on average, a worse one makes it smaller.
#[test]
fn the_e_value_of_signs_does_not_grow_on_average() {
    for throws in 0..40 {
        for heads in 0..=throws {
            let now = sign_e_value(heads, throws);
            let (up, down) = (
                sign_e_value(heads + 1, throws + 1),
                sign_e_value(heads, throws + 1),
            );
            assert!((up / 2.0 + down / 2.0) / now - 1.0 < 1e-9);
            assert!((up / 2.0 + down / 2.0) / now - 1.0 > -1e-9);
            assert!(0.4 * up + 0.6 * down < now);
        }
    }
}
