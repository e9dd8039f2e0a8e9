//! Memory of a card, and what kernels are given.

use std::any::Any;
use std::ffi::c_void;
use std::marker::PhantomData;

/// Numbers of 32 bits on a card: single precision or whole ones.
pub struct Buffer {
    address: u64,
    count: usize,
    /// What keeps the memory.
    owner: Box<dyn Any>,
}

impl Buffer {
    /// `count` numbers at that address, which are there as long as `owner` is.
    pub fn new(address: u64, count: usize, owner: Box<dyn Any>) -> Self {
        Self {
            address,
            count,
            owner,
        }
    }

    /// All of it.
    pub fn all(&self) -> Span<'_> {
        Span {
            address: self.address,
            count: self.count,
            buffer: PhantomData,
        }
    }

    /// From that number on.
    pub fn from(&self, first: usize) -> Span<'_> {
        self.all().from(first)
    }

    /// What keeps the memory.
    pub fn into_owner(self) -> Box<dyn Any> {
        self.owner
    }
}

/// A part of a buffer.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    pub(super) address: u64,
    count: usize,
    buffer: PhantomData<&'a Buffer>,
}

impl Span<'_> {
    /// What a kernel gets where there is nothing.
    pub const NONE: Self = Self {
        address: 0,
        count: 0,
        buffer: PhantomData,
    };

    /// From that number on; of nothing nothing.
    ///
    /// # Panics
    /// If it ends before.
    pub fn from(self, first: usize) -> Self {
        if self.address == 0 {
            return self;
        }
        assert!(first <= self.count, "{first} of {} numbers", self.count);
        Self {
            address: self.address + 4 * first as u64,
            count: self.count - first,
            ..self
        }
    }

    /// Where it begins.
    pub fn address(self) -> u64 {
        self.address
    }

    /// Numbers in it.
    pub fn count(self) -> usize {
        self.count
    }
}

/// Where the entries of a site's masks lie; a stride is 0 where entries are shared. As `kernels/common.cuh` has it.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Mask<'a> {
    pub(crate) at: u64,
    pub(crate) step: u32,
    pub(crate) gate: u32,
    pub(crate) row: u32,
    pub(crate) column: u32,
    pub(crate) buffer: PhantomData<&'a Buffer>,
}

impl Mask<'_> {
    /// No mask.
    pub(crate) const NONE: Self = Self {
        at: 0,
        step: 0,
        gate: 0,
        row: 0,
        column: 0,
        buffer: PhantomData,
    };
}

/// One time step of a cell, as `kernels/common.cuh` has it.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Step<'a> {
    pub(crate) update: Mask<'a>,
    pub(crate) cell: Mask<'a>,
    pub(crate) zoneout_cell: Mask<'a>,
    pub(crate) zoneout_state: Mask<'a>,
    pub(crate) state: Mask<'a>,
    pub(crate) t: u32,
    pub(crate) rows: u32,
    pub(crate) hidden: u32,
    /// Whether the cell state that is carried on is the unmasked one.
    pub(crate) hides: u32,
    /// Masked copies of h, and the distance between one and the next.
    pub(crate) copies: u32,
    pub(crate) apart: u32,
}

const _: () = assert!(size_of::<Mask<'_>>() == 24 && size_of::<Step<'_>>() == 144);

/// An argument of a kernel.
#[derive(Debug, Clone, Copy)]
pub enum Argument<'a> {
    /// A pointer.
    At(Span<'a>),
    /// `unsigned`.
    Count(u32),
    /// `unsigned long long`.
    Wide(u64),
    /// `float`.
    Number(f32),
    /// `Mask`.
    Mask(Mask<'a>),
    /// `Step`.
    Step(Step<'a>),
}

impl Argument<'_> {
    /// A count; the walk sees to it that counts fit.
    pub(crate) fn count(count: usize) -> Self {
        Self::Count(count as u32)
    }

    /// A letter for its type: p, u, w, f, m or s.
    pub fn letter(&self) -> char {
        match self {
            Self::At(_) => 'p',
            Self::Count(_) => 'u',
            Self::Wide(_) => 'w',
            Self::Number(_) => 'f',
            Self::Mask(_) => 'm',
            Self::Step(_) => 's',
        }
    }

    /// Where it lies, as a launch wants it.
    pub fn pointer(&self) -> *const c_void {
        match self {
            Self::At(span) => (&raw const span.address).cast(),
            Self::Count(count) => (&raw const *count).cast(),
            Self::Wide(wide) => (&raw const *wide).cast(),
            Self::Number(number) => (&raw const *number).cast(),
            Self::Mask(mask) => (&raw const *mask).cast(),
            Self::Step(step) => (&raw const *step).cast(),
        }
    }
}
