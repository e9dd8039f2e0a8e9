//! Updates in place on a CPU: each number is read and written once, on all threads.

use crate::gradient::Gradient;
use crate::vectors::Real;
use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, Storage, WithDType};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Numbers that one thread takes at a time; fewer are not worth a second one.
const CHUNK: usize = 1 << 16;

/// p ← keep · p − rate · g.
pub(super) struct Descend {
    pub(super) keep: f64,
    pub(super) rate: f64,
}

/// p ← p − rate · g in some rows of p, which g has one below the other.
pub(super) struct DescendRows<'a> {
    pub(super) rows: &'a [u32],
    pub(super) rate: f64,
}

/// m ← decay · m + (1 − decay) · (scale · g) to the power of one or two.
pub(super) struct Follow {
    pub(super) decay: f64,
    pub(super) scale: f64,
    pub(super) squared: bool,
}

/// p ← keep · p − rate · m / (√(unbias · v) + ε).
pub(super) struct Adam {
    pub(super) keep: f64,
    pub(super) rate: f64,
    pub(super) unbias: f64,
    pub(super) epsilon: f64,
}

impl InplaceOp2 for Descend {
    fn name(&self) -> &'static str {
        "descend"
    }

    fn cpu_fwd(&self, p: &mut CpuStorage, l: &Layout, g: &CpuStorage, gl: &Layout) -> Result<()> {
        match p {
            CpuStorage::F64(_) => self.run::<f64>(p, l, g, gl),
            _ => self.run::<f32>(p, l, g, gl),
        }
    }
}

impl Descend {
    fn run<R: Real>(
        &self,
        p: &mut CpuStorage,
        l: &Layout,
        g: &CpuStorage,
        gl: &Layout,
    ) -> Result<()> {
        let (keep, rate) = (R::of(self.keep), R::of(self.rate));
        let each = |p: &mut [R], g: &[R]| {
            for (p, &g) in p.iter_mut().zip(g) {
                *p = *p * keep - g * rate;
            }
        };
        pairs(written(p, l)?, read(g, gl)?, each);
        Ok(())
    }
}

impl InplaceOp2 for DescendRows<'_> {
    fn name(&self) -> &'static str {
        "descend-rows"
    }

    fn cpu_fwd(&self, p: &mut CpuStorage, l: &Layout, g: &CpuStorage, gl: &Layout) -> Result<()> {
        match p {
            CpuStorage::F64(_) => self.run::<f64>(p, l, g, gl),
            _ => self.run::<f32>(p, l, g, gl),
        }
    }
}

impl DescendRows<'_> {
    fn run<R: Real>(
        &self,
        p: &mut CpuStorage,
        l: &Layout,
        g: &CpuStorage,
        gl: &Layout,
    ) -> Result<()> {
        let (p, g, rate) = (written::<R>(p, l)?, read::<R>(g, gl)?, R::of(self.rate));
        let width = g.len() / self.rows.len().max(1);
        for (&row, g) in self.rows.iter().zip(g.chunks_exact(width.max(1))) {
            let p = &mut p[row as usize * width..][..width];
            for (p, &g) in p.iter_mut().zip(g) {
                *p -= g * rate;
            }
        }
        Ok(())
    }
}

impl InplaceOp2 for Follow {
    fn name(&self) -> &'static str {
        "follow"
    }

    fn cpu_fwd(&self, m: &mut CpuStorage, l: &Layout, g: &CpuStorage, gl: &Layout) -> Result<()> {
        match m {
            CpuStorage::F64(_) => self.run::<f64>(m, l, g, gl),
            _ => self.run::<f32>(m, l, g, gl),
        }
    }
}

impl Follow {
    fn run<R: Real>(
        &self,
        m: &mut CpuStorage,
        l: &Layout,
        g: &CpuStorage,
        gl: &Layout,
    ) -> Result<()> {
        let (decay, scale) = (R::of(self.decay), R::of(self.scale));
        let new = R::of(1.0 - self.decay);
        let squared = self.squared;
        let each = |m: &mut [R], g: &[R]| {
            for (m, &g) in m.iter_mut().zip(g) {
                let g = g * scale;
                *m = *m * decay + if squared { g * g } else { g } * new;
            }
        };
        pairs(written(m, l)?, read(g, gl)?, each);
        Ok(())
    }
}

impl InplaceOp3 for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn cpu_fwd(
        &self,
        p: &mut CpuStorage,
        l: &Layout,
        m: &CpuStorage,
        ml: &Layout,
        v: &CpuStorage,
        vl: &Layout,
    ) -> Result<()> {
        match p {
            CpuStorage::F64(_) => self.run::<f64>(written(p, l)?, read(m, ml)?, read(v, vl)?),
            _ => self.run::<f32>(written(p, l)?, read(m, ml)?, read(v, vl)?),
        }
        Ok(())
    }
}

impl Adam {
    fn run<R: Real>(&self, p: &mut [R], m: &[R], v: &[R]) {
        let (keep, rate) = (R::of(self.keep), R::of(self.rate));
        let (unbias, epsilon) = (R::of(self.unbias), R::of(self.epsilon));
        let parts = p
            .par_chunks_mut(CHUNK)
            .zip(m.par_chunks(CHUNK))
            .zip(v.par_chunks(CHUNK));
        parts.for_each(|((p, m), v)| {
            for ((p, &m), &v) in p.iter_mut().zip(m).zip(v) {
                *p = *p * keep - m * rate / ((v * unbias).root() + epsilon);
            }
        });
    }
}

/// Sum of the squares of all gradients, in double precision, always added in the same order.
///
/// # Errors
/// If they are not on the CPU.
pub(super) fn sum_of_squares(gradients: &[Gradient]) -> Result<f64> {
    let of = |gradient: &Gradient| -> Result<f64> {
        let (storage, layout) = gradient.values().storage_and_layout();
        let Storage::Cpu(storage) = &*storage else {
            candle_core::bail!("gradients are not on the CPU");
        };
        Ok(match storage {
            CpuStorage::F64(_) => squares::<f64>(read(storage, layout)?),
            _ => squares::<f32>(read(storage, layout)?),
        })
    };
    gradients.iter().map(of).sum()
}

fn squares<R: Real>(numbers: &[R]) -> f64 {
    let arch = pulp::Arch::new();
    let chunk = |numbers: &[R]| arch.dispatch(Squares(numbers));
    let sums: Vec<f64> = numbers.par_chunks(CHUNK).map(chunk).collect();
    sums.iter().sum()
}

/// The sum of the squares, in double precision: a struct, for a closure is compiled for any processor.
struct Squares<'a, R>(&'a [R]);

impl<R: Real> WithSimd for Squares<'_, R> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        const LANES: usize = 16;
        let (whole, rest) = self.0.as_chunks::<LANES>();
        let mut lanes = [0.0; LANES];
        for numbers in whole {
            for (lane, number) in lanes.iter_mut().zip(numbers) {
                let number = number.wide();
                *lane += number * number;
            }
        }
        for (lane, number) in lanes.iter_mut().zip(rest) {
            let number = number.wide();
            *lane += number * number;
        }
        lanes.iter().sum()
    }
}

fn pairs<R: Real>(to: &mut [R], from: &[R], each: impl Fn(&mut [R], &[R]) + Sync) {
    let parts = to.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK));
    parts.for_each(|(to, from)| each(to, from));
}

fn written<'a, R: Real>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [R]> {
    let (first, last) = contiguous(layout)?;
    Ok(&mut R::numbers(storage)?[first..last])
}

fn read<'a, R: WithDType>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [R]> {
    let (first, last) = contiguous(layout)?;
    Ok(&R::cpu_storage_as_slice(storage)?[first..last])
}

fn contiguous(layout: &Layout) -> Result<(usize, usize)> {
    match layout.contiguous_offsets() {
        Some(offsets) => Ok(offsets),
        None => candle_core::bail!("parameters and their gradients lie in one piece"),
    }
}
