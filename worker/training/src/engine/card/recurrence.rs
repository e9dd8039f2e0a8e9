//! How a window's recurrence is shared among a card's blocks, so that all its steps are one launch.
//!
//! A block keeps its units' part of U in its own memory, which is many times as fast as the card's, and computes those
//! units of some sequences at every step (`worker/kernels/window.cuh`). Where a block has room for all of U, sequences
//! need nothing of one another; else blocks exchange h, or its gradient, at each step, and all must run at once.

use super::weights::Size;
use crate::card::{Card, Grid, Room};
use candle_core::Result;

/// As `kernels/window.cuh` has them.
const CROWD: usize = 512;
const GROUP: usize = 4;

/// Threads that a card runs in step.
const WARP: usize = 32;

/// Numbers of a sequence that a thread multiplies at least, if there are so many: fewer would be summed longer than
/// multiplied.
const LEAST: usize = 4;

/// Columns that are looked at at a time, at least: each time costs a wait.
const NARROWEST: usize = 32;

/// Multiplications of a block in one step, at most. From about here on two launches a step, whose products use all of
/// the card's arithmetic, should take no longer; computed from launches of 9 µs (H100), not measured.
const MOST: usize = 1 << 20;

/// A launch that walks a whole window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shares {
    pub(super) grid: Grid,
    /// Units and sequences of a block.
    pub(super) units: usize,
    pub(super) rows: usize,
    /// Numbers of a sequence that a block looks at at a time.
    pub(super) chunk: usize,
}

impl Shares {
    /// How the card's blocks share a layer with that many sequences, each of whose steps multiplies U with one matrix
    /// or with one for each gate; `None` if its steps are launches of their own.
    ///
    /// # Errors
    /// What the card says.
    pub(super) fn on(
        card: &dyn Card,
        kernel: &'static str,
        size: Size,
        rows: usize,
        matrices: usize,
    ) -> Result<Option<Self>> {
        let Some(shares) = Self::of(card.room()?, size, rows, matrices) else {
            return Ok(None);
        };
        let runs = !shares.grid.together || card.holds(kernel, shares.grid)?;
        Ok(runs.then_some(shares))
    }

    /// All units in one block if it has room for them; else as few sequences to a block as a card that is full allows,
    /// since each block reads all of them at each step.
    fn of(room: Room, size: Size, rows: usize, matrices: usize) -> Option<Self> {
        let block = |units, height| Self::block(room, size, rows, matrices, units, height);
        if let Some(alone) = block(size.hidden, GROUP) {
            return Some(alone);
        }
        let heights = (GROUP..rows + GROUP).step_by(GROUP);
        heights
            .filter_map(|height| {
                let across = (room.multiprocessors / rows.div_ceil(height)).min(size.hidden);
                block(size.hidden.div_ceil(across.max(1)), height)
            })
            .find(|shares| !shares.grid.together || shares.grid.blocks <= room.multiprocessors)
    }

    /// Blocks of that many units of that many sequences, if they have room for them.
    fn block(
        room: Room,
        size: Size,
        rows: usize,
        matrices: usize,
        units: usize,
        height: usize,
    ) -> Option<Self> {
        /// Bytes of a number.
        const NUMBER: usize = 4;
        let (n, gates) = (size.hidden, size.gates);
        if units * height > CROWD || units * height * gates * n > MOST {
            return None;
        }
        let threads = (units * height / GROUP * n.div_ceil(LEAST)).max(units * height);
        let threads = threads.next_multiple_of(WARP).min(CROWD);
        let weights = NUMBER * (gates * n * units).next_multiple_of(GROUP);
        // A block at an end has fewer pairs of a unit and a group, so more threads to a sum; never more than all.
        let parts = NUMBER * GROUP * gates * threads;
        let left = room.shared.checked_sub(weights)?;
        let column = NUMBER * matrices * height;
        let chunk = n.min(left / column);
        if left < parts || chunk < n.min(NARROWEST) {
            return None;
        }
        // As even as they can be.
        let chunk = n.div_ceil(n.div_ceil(chunk));
        let across = n.div_ceil(units);
        Some(Self {
            grid: Grid {
                blocks: across * rows.div_ceil(height),
                threads,
                shared: weights + parts.max(column * chunk),
                together: across > 1,
            },
            units,
            rows: height,
            chunk,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::spec::Cell;

    const H100: Room = Room {
        multiprocessors: 132,
        shared: 232_448,
    };
    const TURING: Room = Room {
        multiprocessors: 40,
        shared: 65_536,
    };

    fn size(cell: Cell, hidden: usize) -> Size {
        let gates = match cell {
            Cell::Rnn => 1,
            Cell::Gru => 3,
            Cell::Lstm => 4,
        };
        Size {
            cell,
            inputs: hidden,
            hidden,
            gates,
        }
    }

    #[test]
    fn whatever_is_shared_fits_and_is_complete() {
        let mut shared = 0;
        for room in [H100, TURING] {
            for cell in [Cell::Rnn, Cell::Gru, Cell::Lstm] {
                for hidden in (1..40).chain([64, 100, 128, 200, 256, 650, 1024, 1500, 4096]) {
                    for rows in (1..12).chain([20, 32, 64, 100, 128, 1000]) {
                        for matrices in [1, size(cell, hidden).gates] {
                            let size = size(cell, hidden);
                            let Some(shares) = Shares::of(room, size, rows, matrices) else {
                                continue;
                            };
                            let Grid {
                                blocks,
                                threads,
                                shared: bytes,
                                together,
                            } = shares.grid;
                            let name = format!("{cell:?} {hidden} {rows} {matrices} {shares:?}");
                            assert!(bytes <= room.shared, "{name}");
                            assert!(!together || blocks <= room.multiprocessors, "{name}");
                            assert!(threads <= CROWD && threads % WARP == 0, "{name}");
                            assert!(shares.units * shares.rows <= threads, "{name}");
                            assert_eq!(shares.rows % GROUP, 0, "{name}");
                            let (across, down) =
                                (hidden.div_ceil(shares.units), rows.div_ceil(shares.rows));
                            assert_eq!(blocks, across * down, "{name}");
                            assert_eq!(together, across > 1, "{name}");
                            assert!(shares.chunk > 0 && shares.chunk <= hidden, "{name}");
                            shared += 1;
                        }
                    }
                }
            }
        }
        assert!(shared > 2_000, "{shared}");
    }

    /// The sizes of `bench/README.md`.
    #[test]
    fn what_a_card_is_asked_for() {
        let of = |room, hidden, rows, matrices| {
            let shares = Shares::of(room, size(Cell::Lstm, hidden), rows, matrices)?;
            let Shares { units, rows, .. } = shares;
            Some((units, rows, shares.grid.blocks, shares.grid.together))
        };
        assert_eq!(of(H100, 64, 64, 4), Some((64, 4, 16, false)));
        assert_eq!(of(H100, 111, 20, 4), Some((111, 4, 5, false)));
        assert_eq!(of(H100, 112, 20, 4), Some((5, 4, 115, true)));
        assert_eq!(of(H100, 128, 128, 4), Some((32, 4, 128, true)));
        assert_eq!(of(H100, 256, 32, 4), Some((16, 4, 128, true)));
        assert_eq!(of(H100, 200, 20, 4), Some((8, 4, 125, true)));
        assert_eq!(of(H100, 650, 20, 4), Some((15, 8, 132, true)));
        assert_eq!(of(H100, 1500, 20, 4), None);
        assert_eq!(of(TURING, 64, 64, 4), Some((32, 4, 32, true)));
        assert_eq!(of(TURING, 650, 20, 4), None);
        let none = Room {
            multiprocessors: 0,
            ..H100
        };
        assert_eq!(of(none, 64, 64, 1), Some((64, 4, 16, false)));
        assert_eq!(of(none, 200, 64, 1), None);
    }
}
