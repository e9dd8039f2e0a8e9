//! Masks as numbers; they become tensors where a graph asks for them.

use crate::vectors::Real;
use breakmywork_protocol::spec::{Site, SiteName};
use candle_core::{DType, Device, Result, Tensor};
use std::any::Any;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// How many masks there are, and the shape of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaskSize {
    /// One for all steps, or one for each.
    pub masks: usize,
    /// Gates with entries of their own; 1 where they share them.
    pub gates: usize,
    /// Whether a mask has a dimension for the gates.
    pub by_gate: bool,
    /// Sequences, 1 where they share entries, or rows of a recurrent matrix.
    pub rows: usize,
    /// Entries of a row; 1 where one number stands for all of it.
    pub width: usize,
}

impl MaskSize {
    /// Entries of a mask.
    pub fn entries(self) -> usize {
        self.gates * self.rows * self.width
    }
}

/// Entries of masks: mask by mask, gate by gate, row by row.
#[derive(Debug, Clone)]
pub(super) enum Entries {
    /// Drawn here.
    Single(Arc<Vec<f32>>),
    /// Given in double precision.
    Double(Arc<Vec<f64>>),
    /// Drawn on a card, where they stay.
    OnCard(Tensor),
}

/// The masks of one site in one layer.
#[derive(Debug)]
pub struct Drawn {
    /// What they were drawn for.
    pub site: Site,
    size: MaskSize,
    entries: Entries,
    /// The masks as tensors, from the first time that one is asked for.
    tensors: OnceLock<Vec<Tensor>>,
}

impl Drawn {
    /// Masks of that size.
    pub(super) fn new(site: Site, size: MaskSize, entries: Entries) -> Self {
        Self {
            site,
            size,
            entries,
            tensors: OnceLock::new(),
        }
    }

    /// Exactly those masks: one for all steps or one for each, rows × width or gates × rows × width.
    ///
    /// # Errors
    /// If they are of other or of different shapes.
    pub fn given(site: Site, masks: &[Tensor]) -> Result<Self> {
        let all = Tensor::stack(masks, 0)?;
        let (by_gate, [masks, gates, rows, width]) = match *all.dims() {
            [masks, rows, width] => (false, [masks, 1, rows, width]),
            [masks, gates, rows, width] => (true, [masks, gates, rows, width]),
            _ => candle_core::bail!("masks of {:?}", all.dims()),
        };
        let size = MaskSize {
            masks,
            gates,
            by_gate,
            rows,
            width,
        };
        let all = all.flatten_all()?;
        let entries = match all.dtype() {
            DType::F32 => Entries::Single(Arc::new(all.to_vec1()?)),
            _ => Entries::Double(Arc::new(all.to_dtype(DType::F64)?.to_vec1()?)),
        };
        Ok(Self::new(site, size, entries))
    }

    /// How many they are, and of which shape.
    pub fn size(&self) -> MaskSize {
        self.size
    }

    /// Whether one mask stands for all steps.
    pub fn is_fixed(&self) -> bool {
        self.size.masks == 1
    }

    /// Where the entries lie on a card, if they were drawn there.
    pub(crate) fn on_card(&self) -> Option<&Tensor> {
        match &self.entries {
            Entries::OnCard(entries) => Some(entries),
            Entries::Single(_) | Entries::Double(_) => None,
        }
    }

    /// All entries: the very ones that were drawn, if these are numbers of that type.
    ///
    /// # Errors
    /// What the card says, if they are there.
    pub(crate) fn entries<R: Real>(&self) -> Result<Arc<Vec<R>>> {
        match &self.entries {
            Entries::Single(entries) => Ok(same(entries.clone())
                .unwrap_or_else(|| Arc::new(entries.iter().map(|&e| R::of(e.into())).collect()))),
            Entries::Double(entries) => Ok(same(entries.clone())
                .unwrap_or_else(|| Arc::new(entries.iter().map(|&e| R::of(e)).collect()))),
            Entries::OnCard(entries) => {
                let entries = entries.flatten_all()?.to_dtype(R::DTYPE)?;
                Ok(Arc::new(entries.to_vec1()?))
            }
        }
    }

    /// The entries of that mask.
    ///
    /// # Errors
    /// What the card says, if they are there.
    fn of_mask(&self, mask: usize) -> Result<Cow<'_, [f32]>> {
        let own = mask * self.size.entries()..(mask + 1) * self.size.entries();
        Ok(match &self.entries {
            Entries::Single(entries) => Cow::Borrowed(&entries[own]),
            Entries::Double(entries) => entries[own].iter().map(|&entry| entry as f32).collect(),
            Entries::OnCard(entries) => {
                let entries = entries.flatten_all()?;
                let own = entries.narrow(0, own.start, own.len())?;
                Cow::Owned(own.to_vec1()?)
            }
        })
    }

    /// That mask as a tensor of that precision on that device: rows × width, or gates × rows × width. It is made once.
    pub(super) fn tensor(&self, mask: usize, dtype: DType, device: &Device) -> Result<Tensor> {
        let tensors = match self.tensors.get() {
            Some(tensors) => tensors,
            None => {
                let tensors = self.to_tensors(dtype, device)?;
                self.tensors.get_or_init(|| tensors)
            }
        };
        // As they are, if it is always the same network that asks.
        tensors[mask].to_dtype(dtype)?.to_device(device)
    }

    fn to_tensors(&self, dtype: DType, device: &Device) -> Result<Vec<Tensor>> {
        let MaskSize {
            masks,
            gates,
            by_gate,
            rows,
            width,
        } = self.size;
        let shape = (masks, gates, rows, width);
        let all = match &self.entries {
            Entries::Single(entries) => Tensor::from_slice(entries, shape, &Device::Cpu)?,
            Entries::Double(entries) => Tensor::from_slice(entries, shape, &Device::Cpu)?,
            Entries::OnCard(entries) => entries.reshape(shape)?,
        };
        let all = all.to_dtype(dtype)?.to_device(device)?;
        let mask = |mask: usize| match by_gate {
            true => all.get(mask),
            false => all.get(mask)?.squeeze(0),
        };
        (0..masks).map(mask).collect()
    }
}

/// The entries as they are, if that is their type.
fn same<R: Real>(entries: Arc<dyn Any + Send + Sync>) -> Option<Arc<Vec<R>>> {
    entries.downcast().ok()
}

/// One use of a mask, as it happened.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The site.
    pub site: SiteName,
    /// The layer, from the bottom.
    pub layer: usize,
    /// Which time step of those at which the site is applied.
    pub step: usize,
    /// The very masks of which one was used.
    pub drawn: Arc<Drawn>,
}

impl Applied {
    /// Which of the masks was used.
    pub(super) fn mask(&self) -> usize {
        if self.drawn.is_fixed() { 0 } else { self.step }
    }

    /// Its shape; that of all of them.
    pub(super) fn size(&self) -> MaskSize {
        self.drawn.size
    }

    /// Its entries.
    ///
    /// # Errors
    /// What the card says, if they are there.
    pub(super) fn entries(&self) -> Result<Cow<'_, [f32]>> {
        self.drawn.of_mask(self.mask())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::spec::MaskTime;

    fn two_of_three_rows() -> Drawn {
        let mask = |from: f32| Tensor::arange(from, from + 6.0, &Device::Cpu);
        let masks = [0.0, 6.0].map(|from| mask(from).and_then(|mask| mask.reshape((3, 2))));
        let masks: Vec<Tensor> = masks
            .into_iter()
            .map(|mask| mask.expect("a mask"))
            .collect();
        Drawn::given(Site::new(0.5, MaskTime::PerStep), &masks).expect("of one shape")
    }

    /// A graph, our own code and the proof see the same numbers; our own code and the proof those that lie in memory once.
    #[test]
    fn whoever_asks_gets_the_same_entries() {
        let drawn = Arc::new(two_of_three_rows());
        let entries = drawn.entries::<f32>().expect("numbers");
        assert!(Arc::ptr_eq(&entries, &drawn.entries().expect("numbers")));
        let wide: Vec<f64> = (0..12).map(f64::from).collect();
        assert_eq!(*drawn.entries::<f64>().expect("numbers"), wide);
        for step in 0..2 {
            let tensor = drawn
                .tensor(step, DType::F64, &Device::Cpu)
                .expect("a tensor");
            let tensor = tensor.flatten_all().and_then(|all| all.to_vec1::<f64>());
            assert_eq!(tensor.expect("numbers"), wide[6 * step..][..6]);
            let applied = Applied {
                site: SiteName::State,
                layer: 0,
                step,
                drawn: drawn.clone(),
            };
            let seen = applied.entries().expect("numbers");
            assert!(std::ptr::eq(&*seen, &entries[6 * step..][..6]));
        }
    }
}
