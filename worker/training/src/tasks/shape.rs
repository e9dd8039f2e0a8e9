//! The shape of a task: what a network for it must look like.

/// What the network's linear output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// One number; squared error.
    Value,
    /// So many classes; cross-entropy.
    Classes(usize),
    /// So many keys, each on or off; cross-entropy of each, summed.
    Keys(usize),
}

impl Head {
    /// Width of the linear output.
    pub fn width(self) -> usize {
        match self {
            Self::Value => 1,
            Self::Classes(n) | Self::Keys(n) => n,
        }
    }

    /// Numbers of one target.
    pub(super) fn target_width(self) -> usize {
        match self {
            Self::Value | Self::Classes(_) => 1,
            Self::Keys(n) => n,
        }
    }
}

/// What enters at a time step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// So many numbers.
    Numbers(usize),
    /// One token of so many.
    Tokens(usize),
}

/// At which time steps the output is read and scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOut {
    /// At so many of the last.
    Last(usize),
    /// At all of them.
    Every,
}

impl ReadOut {
    /// How many steps of so many are read.
    pub fn of(self, steps: usize) -> usize {
        match self {
            Self::Last(n) => n,
            Self::Every => steps,
        }
    }
}

/// The shape of a task: what a network for it must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Time steps of the longest sequence or window.
    pub steps: usize,
    /// What enters at a time step.
    pub reads: Reads,
    /// What the output means.
    pub head: Head,
    /// At which steps it is read.
    pub read_out: ReadOut,
}
