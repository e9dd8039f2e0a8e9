//! One recurrent layer over a window, for the whole minibatch, forward and backward.

use super::copies::{self, Extent};
use super::masks::{self, MasksOnCard};
use super::recurrence::Shares;
use super::weights::{Packed, Size};
use crate::card::{Argument, Buffer, Card, Grid, Matrix, Product, Span, Step, each, multiply};
use breakmywork_protocol::spec::Cell;
use candle_core::Result;

/// A layer and what is walked.
pub(super) struct Layer<'a> {
    pub(super) card: &'a dyn Card,
    pub(super) size: Size,
    pub(super) weights: Packed,
    pub(super) masks: MasksOnCard,
    /// Time steps.
    pub(super) steps: usize,
    /// Sequences.
    pub(super) rows: usize,
}

/// What a layer keeps for the walk back. Products of the gates with x and h share a buffer; those of the gru do not,
/// because its candidate multiplies the one with h.
pub(super) struct Tape {
    /// Masked copies of x for each gate; `None` where x enters as it is.
    entered: Option<Buffer>,
    /// Masked copies of h likewise.
    recurred: Option<Buffer>,
    gates: Buffer,
    recalled: Option<Buffer>,
    squashed: Option<Buffer>,
    /// h and c, from those before the first step on: (steps + 1) · rows × hidden.
    h: Buffer,
    c: Option<Buffer>,
}

impl Tape {
    /// What the products with h are in, or back their gradients.
    fn pulled(&self) -> &Buffer {
        self.recalled.as_ref().unwrap_or(&self.gates)
    }
}

/// A span from there on, or nothing of what there is not.
fn part(buffer: Option<&Buffer>, first: usize) -> Argument<'_> {
    Argument::At(buffer.map_or(Span::NONE, |buffer| buffer.from(first)))
}

impl Layer<'_> {
    /// Numbers of a step's states.
    fn step(&self) -> usize {
        self.rows * self.size.hidden
    }

    fn extent(&self, steps: usize, columns: usize) -> Extent {
        Extent {
            steps,
            rows: self.rows,
            columns,
        }
    }

    /// Copies of h at a step: 0 where it enters as it is.
    fn copies(&self) -> usize {
        self.masks.state.as_ref().map_or(0, |mask| mask.gates)
    }

    /// h at every step: steps · rows × hidden.
    pub(super) fn states<'t>(&self, tape: &'t Tape) -> Span<'t> {
        tape.h.from(self.step())
    }

    /// The last h, and the last c of a cell that has one.
    pub(super) fn last<'t>(&self, tape: &'t Tape) -> [Option<Span<'t>>; 2] {
        let last = |buffer: &'t Buffer| buffer.from(self.steps * self.step());
        [Some(last(&tape.h)), tape.c.as_ref().map(last)]
    }

    /// What kernels know about a step.
    fn at(&self, t: usize, apart: usize) -> Step<'_> {
        let masks = &self.masks;
        let last = t + 1 == self.steps;
        Step {
            update: masks::at(masks.update.as_ref()),
            cell: masks::at(masks.cell.as_ref()),
            zoneout_cell: masks::at(masks.zoneout_cell.as_ref()),
            zoneout_state: masks::at(masks.zoneout_state.as_ref()),
            state: masks::at(masks.state.as_ref()),
            t: t as u32,
            rows: self.rows as u32,
            hidden: self.size.hidden as u32,
            hides: u32::from(masks.hides),
            // The copies are those of the next step.
            copies: if last { 0 } else { self.copies() as u32 },
            apart: apart as u32,
        }
    }

    /// A buffer of states that begins with those before the window.
    fn begun(&self, before: Option<&Buffer>) -> Result<Buffer> {
        let count = (self.steps + 1) * self.step();
        let Some(before) = before else {
            return self.card.zeros(count);
        };
        let states = self.card.alloc(count)?;
        copies::copy(self.card, states.all(), before.all(), self.step())?;
        Ok(states)
    }

    /// `to` ← `left` · `right`, for all gates at once or, where there are copies for each, gate by gate. Each matrix is
    /// given as it is for one gate or for all, and the distance between gates.
    fn product<'m>(
        &self,
        copies: usize,
        add: bool,
        [to, left, right]: [Matrix<'m>; 3],
    ) -> Result<()> {
        let product = Product {
            to,
            left,
            right,
            add,
            count: copies.max(1),
        };
        multiply(self.card, product)
    }

    /// Columns of one product: one gate's where each has copies of its own, else all of them.
    fn wide(&self, copies: usize) -> usize {
        match copies {
            0 | 1 => self.size.columns(),
            _ => self.size.hidden,
        }
    }

    /// Rows of gates, or of their gradients, as one factor or one for each gate.
    fn gate_rows<'m>(&self, at: Span<'m>, rows: usize, copies: usize) -> Matrix<'m> {
        let columns = self.size.columns();
        Matrix::new(at, rows, self.wide(copies), columns).apart(self.size.hidden)
    }

    /// Walks forward from the states before; `x` is steps · rows × inputs.
    pub(super) fn forward(&self, x: Span<'_>, before: Option<&[Buffer; 2]>) -> Result<Tape> {
        let (card, step, all) = (self.card, self.step(), self.steps * self.rows);
        let (inputs, columns) = (self.size.inputs, self.size.columns());
        let mask = self.masks.input.as_ref();
        let masked = |mask| copies::masked(card, x, mask, self.extent(self.steps, inputs));
        let entered = mask.map(masked).transpose()?;
        let gates = card.alloc(all * columns)?;
        let copies = mask.map_or(0, |mask| mask.gates);
        let from = entered.as_ref().map_or(x, Buffer::all);
        let left = Matrix::new(from, all, inputs, inputs).apart(all * inputs);
        let right = self.gate_rows(self.weights.input(), inputs, copies);
        let to = self.gate_rows(gates.all(), all, copies);
        self.product(copies, false, [to, left, right])?;
        let (gru, lstm) = (self.size.cell == Cell::Gru, self.size.cell == Cell::Lstm);
        let some = |there: bool, count| there.then(|| card.alloc(count)).transpose();
        let tape = Tape {
            entered,
            recurred: some(self.copies() > 0, self.copies() * all * self.size.hidden)?,
            gates,
            recalled: some(gru, all * columns)?,
            squashed: some(lstm, all * self.size.hidden)?,
            h: self.begun(before.map(|before| &before[0]))?,
            c: match lstm {
                true => Some(self.begun(before.map(|before| &before[1]))?),
                false => None,
            },
        };
        if let (Some(mask), Some(to)) = (&self.masks.state, &tape.recurred) {
            let extent = self.extent(1, self.size.hidden);
            copies::mask_into(
                card,
                to.all(),
                tape.h.all(),
                mask,
                self.steps * step,
                extent,
            )?;
        }
        let kernel = match self.size.cell {
            Cell::Rnn => "rnn_window_forward",
            Cell::Gru => "gru_window_forward",
            Cell::Lstm => "lstm_window_forward",
        };
        let matrices = self.copies().max(1);
        if let Some(shares) = Shares::on(card, kernel, self.size, self.rows, matrices)? {
            self.window_forward(&tape, kernel, shares)?;
            return Ok(tape);
        }
        for t in 0..self.steps {
            self.recur(&tape, t)?;
            self.step_forward(&tape, t)?;
        }
        Ok(tape)
    }

    /// All steps in one launch.
    fn window_forward(&self, tape: &Tape, kernel: &'static str, shares: Shares) -> Result<()> {
        let gates = Argument::At(tape.gates.all());
        let bias = Argument::At(self.weights.bias());
        let state = Argument::At(self.weights.state());
        let h = Argument::At(tape.h.all());
        let recurred = part(tape.recurred.as_ref(), 0);
        let own = match self.size.cell {
            Cell::Rnn => vec![gates, bias, state, h, recurred],
            Cell::Gru => {
                let recalled = part(tape.recalled.as_ref(), 0);
                let recalled_bias = Argument::At(self.weights.recalled_bias());
                vec![gates, recalled, bias, recalled_bias, state, h, recurred]
            }
            Cell::Lstm => {
                let [c, squashed] =
                    [&tape.c, &tape.squashed].map(|buffer| part(buffer.as_ref(), 0));
                vec![gates, bias, state, h, c, squashed, recurred]
            }
        };
        let arguments = [own, self.window(self.steps * self.step(), shares)].concat();
        self.card.launch(kernel, shares.grid, &arguments)
    }

    /// What all kernels of a window end with.
    fn window(&self, apart: usize, shares: Shares) -> Vec<Argument<'_>> {
        // Each kernel sets the step, and leaves the copies of what is no step of the window.
        let step = Step {
            copies: self.copies() as u32,
            ..self.at(0, apart)
        };
        vec![
            Argument::Step(step),
            Argument::count(self.steps),
            Argument::count(shares.units),
            Argument::count(shares.rows),
            Argument::count(shares.chunk),
        ]
    }

    /// The products of a step with U.
    fn recur(&self, tape: &Tape, t: usize) -> Result<()> {
        let (n, copies) = (self.size.hidden, self.copies());
        let h = tape.recurred.as_ref().unwrap_or(&tape.h);
        let left = Matrix::new(h.from(t * self.step()), self.rows, n, n);
        let right = self.gate_rows(self.weights.state(), n, copies);
        let to = tape.pulled().from(t * self.rows * self.size.columns());
        let to = self.gate_rows(to, self.rows, copies);
        let left = left.apart(self.steps * self.step());
        self.product(copies, tape.recalled.is_none(), [to, left, right])
    }

    fn step_forward(&self, tape: &Tape, t: usize) -> Result<()> {
        let (step, wide) = (self.step(), self.rows * self.size.columns());
        let gates = Argument::At(tape.gates.from(t * wide));
        let bias = Argument::At(self.weights.bias());
        let h = [t, t + 1].map(|t| Argument::At(tape.h.from(t * step)));
        let recurred = match t + 1 < self.steps {
            true => part(tape.recurred.as_ref(), (t + 1) * step),
            false => Argument::At(Span::NONE),
        };
        let at = Argument::Step(self.at(t, self.steps * step));
        match self.size.cell {
            Cell::Rnn => {
                let arguments = [gates, bias, h[0], h[1], recurred, at];
                each(self.card, "rnn_forward", step, &arguments)
            }
            Cell::Gru => {
                let recalled = part(tape.recalled.as_ref(), t * wide);
                let recalled_bias = Argument::At(self.weights.recalled_bias());
                let products = [gates, recalled, bias, recalled_bias];
                let arguments = [&products[..], &[h[0], h[1], recurred, at]].concat();
                each(self.card, "gru_forward", step, &arguments)
            }
            Cell::Lstm => {
                let c = [t, t + 1].map(|t| part(tape.c.as_ref(), t * step));
                let squashed = part(tape.squashed.as_ref(), t * step);
                let states = [h[0], c[0], h[1], c[1], squashed];
                let arguments = [&[gates, bias], &states[..], &[recurred, at]].concat();
                each(self.card, "lstm_forward", step, &arguments)
            }
        }
    }

    /// Walks back; `above` is the gradient of h at every step from above. Gives the gradients of the weights, and of x
    /// where they are wanted.
    pub(super) fn backward(
        &self,
        tape: &Tape,
        x: Span<'_>,
        above: Span<'_>,
        wants_inputs: bool,
    ) -> Result<(Packed, Option<Buffer>)> {
        self.walk_back(tape, above)?;
        let gradients = self.weight_gradients(tape, x)?;
        let inputs = wants_inputs.then(|| self.input_gradient(tape));
        Ok((gradients, inputs.transpose()?))
    }

    /// Puts the gradients of the pre-activations in place of the activations.
    fn walk_back(&self, tape: &Tape, above: Span<'_>) -> Result<()> {
        let (card, step, n, copies) = (self.card, self.step(), self.size.hidden, self.copies());
        let (dh, dc) = (card.zeros(step)?, card.zeros(step)?);
        let kernel = match self.size.cell {
            Cell::Rnn => "rnn_window_backward",
            Cell::Gru => "gru_window_backward",
            Cell::Lstm => "lstm_window_backward",
        };
        if let Some(shares) = Shares::on(card, kernel, self.size, self.rows, self.size.gates)? {
            let walking = [dh.all(), dc.all(), above];
            return self.window_backward(tape, kernel, shares, walking);
        }
        // A card gives no memory of no size.
        let through = card.alloc((copies * step).max(1))?;
        for t in (0..self.steps).rev() {
            let walking = [dh.all(), dc.all(), above.from(t * step), through.all()];
            self.step_backward(tape, t, walking)?;
            // The states before the window have no gradient.
            if t == 0 {
                break;
            }
            let from = tape.pulled().from(t * self.rows * self.size.columns());
            let left = self.gate_rows(from, self.rows, copies);
            let right = self.gate_rows(self.weights.state(), n, copies);
            let to = if copies == 0 { &dh } else { &through };
            let to = Matrix::new(to.all(), self.rows, n, n).apart(step);
            self.product(copies, copies == 0, [to, left, right.transposed()])?;
        }
        Ok(())
    }

    /// All steps back in one launch.
    fn window_backward(
        &self,
        tape: &Tape,
        kernel: &'static str,
        shares: Shares,
        walking: [Span<'_>; 3],
    ) -> Result<()> {
        let gates = Argument::At(tape.gates.all());
        let state = Argument::At(self.weights.state());
        let [dh, dc, above] = walking.map(Argument::At);
        let own = match self.size.cell {
            Cell::Rnn => vec![gates, dh, above, state],
            Cell::Gru => {
                let (recalled, h) = (part(tape.recalled.as_ref(), 0), Argument::At(tape.h.all()));
                vec![gates, recalled, h, dh, above, state]
            }
            Cell::Lstm => {
                let [squashed, c] =
                    [&tape.squashed, &tape.c].map(|buffer| part(buffer.as_ref(), 0));
                vec![gates, squashed, c, dh, dc, above, state]
            }
        };
        let arguments = [own, self.window(self.step(), shares)].concat();
        self.card.launch(kernel, shares.grid, &arguments)
    }

    fn step_backward(&self, tape: &Tape, t: usize, walking: [Span<'_>; 4]) -> Result<()> {
        let (step, wide) = (self.step(), self.rows * self.size.columns());
        let gates = Argument::At(tape.gates.from(t * wide));
        let [dh, dc, above, through] = walking.map(Argument::At);
        let at = Argument::Step(self.at(t, step));
        match self.size.cell {
            Cell::Rnn => {
                let arguments = [gates, dh, above, through, at];
                each(self.card, "rnn_backward", step, &arguments)
            }
            Cell::Gru => {
                let recalled = part(tape.recalled.as_ref(), t * wide);
                let h = Argument::At(tape.h.from(t * step));
                let arguments = [gates, recalled, h, dh, above, through, at];
                each(self.card, "gru_backward", step, &arguments)
            }
            Cell::Lstm => {
                let squashed = part(tape.squashed.as_ref(), t * step);
                let c = part(tape.c.as_ref(), t * step);
                let arguments = [gates, squashed, c, dh, dc, above, through, at];
                each(self.card, "lstm_backward", step, &arguments)
            }
        }
    }

    /// One product for each matrix, over all steps.
    fn weight_gradients(&self, tape: &Tape, x: Span<'_>) -> Result<Packed> {
        let (n, inputs, all) = (self.size.hidden, self.size.inputs, self.steps * self.rows);
        let gradients = Packed::alloc(self.card, self.size)?;
        let of = |to: Span<'_>, rows: usize, from: Span<'_>, gates: &Buffer, copies: usize| {
            let left = Matrix::new(from, all, rows, rows).apart(all * rows);
            let right = self.gate_rows(gates.all(), all, copies);
            let to = self.gate_rows(to, rows, copies);
            self.product(copies, false, [to, left.transposed(), right])
        };
        let entered = tape.entered.as_ref().map_or(x, Buffer::all);
        let copies = self.masks.input.as_ref().map_or(0, |mask| mask.gates);
        of(gradients.input(), inputs, entered, &tape.gates, copies)?;
        let recurred = tape.recurred.as_ref().unwrap_or(&tape.h).all();
        of(gradients.state(), n, recurred, tape.pulled(), self.copies())?;
        let columns = self.size.columns();
        let sums = |to, from, wide| column_sums(self.card, to, from, (all, wide, columns), false);
        sums(gradients.bias(), tape.gates.all(), columns)?;
        if let Some(recalled) = &tape.recalled {
            sums(gradients.recalled_bias(), recalled.from(2 * n), n)?;
        }
        Ok(gradients)
    }

    fn input_gradient(&self, tape: &Tape) -> Result<Buffer> {
        let (inputs, all) = (self.size.inputs, self.steps * self.rows);
        let mask = self.masks.input.as_ref();
        let copies = mask.map_or(0, |mask| mask.gates);
        let through = self.card.alloc(copies.max(1) * all * inputs)?;
        let left = self.gate_rows(tape.gates.all(), all, copies);
        let right = self.gate_rows(self.weights.input(), inputs, copies);
        let to = Matrix::new(through.all(), all, inputs, inputs).apart(all * inputs);
        self.product(copies, false, [to, left, right.transposed()])?;
        let Some(mask) = mask else {
            return Ok(through);
        };
        let extent = self.extent(self.steps, inputs);
        if copies == 1 {
            copies::sum(self.card, through.all(), through.all(), mask, extent)?;
            return Ok(through);
        }
        let sum = self.card.alloc(all * inputs)?;
        copies::sum(self.card, sum.all(), through.all(), mask, extent)?;
        Ok(sum)
    }
}

/// The sums of columns, added to what is there if `add`; `shape` has rows, columns and the distance between rows.
pub(super) fn column_sums(
    card: &dyn Card,
    to: Span<'_>,
    from: Span<'_>,
    (rows, columns, stride): (usize, usize, usize),
    add: bool,
) -> Result<()> {
    /// As `kernels/sums.cu` has them.
    const COLUMNS: usize = 32;
    const LANES: usize = 8;
    let arguments = [
        Argument::At(to),
        Argument::At(from),
        Argument::count(rows),
        Argument::count(columns),
        Argument::count(stride),
        Argument::Count(u32::from(add)),
    ];
    let grid = Grid::new(columns.div_ceil(COLUMNS), COLUMNS * LANES);
    card.launch("column_sums", grid, &arguments)
}
