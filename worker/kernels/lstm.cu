// The LSTM, one thread to a unit of a sequence: see worker/training/src/model/lstm.rs.
#include "window.cuh"

// A unit at a step. `gates` holds its pre-activations but for `pulled` and the bias, and then its activations;
// `squashed` is tanh of the cell state as o reads it.
static __device__ void lstm_unit_forward(float *gates, const float *bias, const float *pulled, const float *h,
                                         const float *c, float *next_h, float *next_c, float *squashed, float *recurred,
                                         Step step, unsigned row, unsigned j) {
  unsigned n = step.hidden, t = step.t;
  Wide place = (Wide)row * n + j;
  float *own = gates + (Wide)row * 4 * n + j;
  float i = sigmoid(own[0] + pulled[0] + bias[j]);
  float f = sigmoid(own[n] + pulled[1] + bias[n + j]);
  float g = tanhf(own[2 * n] + pulled[2] + bias[2 * n + j]);
  float o = sigmoid(own[3 * n] + pulled[3] + bias[3 * n + j]);
  float fresh = f * c[place] + i * g * entry(step.update, t, 0, row, j, 1.0f);
  float read = fresh * entry(step.cell, t, 0, row, j, 1.0f);
  float carried = step.hides ? fresh : read;
  float seen = tanhf(read), made = o * seen;
  float next = made + entry(step.zoneout_state, t, 0, row, j, 0.0f) * (h[place] - made);
  next_c[place] = carried + entry(step.zoneout_cell, t, 0, row, j, 0.0f) * (c[place] - carried);
  next_h[place] = next;
  own[0] = i;
  own[n] = f;
  own[2 * n] = g;
  own[3 * n] = o;
  squashed[place] = seen;
  recur(recurred, step, row, j, next);
}

// A unit at a step on the way back, to whose h the gradient `arrived` came. Gradients of the pre-activations take the
// place of the activations; `dh` leaves as what goes past the products, `dc` as the gradient of the cell state before.
static __device__ void lstm_unit_backward(float *gates, const float *squashed, const float *c, float *dh, float *dc,
                                          float arrived, Step step, unsigned row, unsigned j) {
  unsigned n = step.hidden, t = step.t;
  Wide place = (Wide)row * n + j;
  float *own = gates + (Wide)row * 4 * n + j;
  float i = own[0], f = own[n], g = own[2 * n], o = own[3 * n], seen = squashed[place];
  float keep_c = entry(step.zoneout_cell, t, 0, row, j, 0.0f);
  float keep_h = entry(step.zoneout_state, t, 0, row, j, 0.0f);
  float update = entry(step.update, t, 0, row, j, 1.0f), cell = entry(step.cell, t, 0, row, j, 1.0f);
  float made = arrived * (1.0f - keep_h);
  float carried = dc[place] * (1.0f - keep_c), past = dc[place] * keep_c;
  float read = made * o * (1.0f - seen * seen);
  float fresh = step.hides ? read * cell + carried : (read + carried) * cell;
  dh[place] = arrived * keep_h;
  dc[place] = past + fresh * f;
  own[0] = fresh * g * update * i * (1.0f - i);
  own[n] = fresh * c[place] * f * (1.0f - f);
  own[2 * n] = fresh * i * update * (1.0f - g * g);
  own[3 * n] = made * seen * o * (1.0f - o);
}

// A step, whose products with h are in `gates`.
extern "C" __global__ void lstm_forward(float *gates, const float *bias, const float *h, const float *c, float *next_h,
                                        float *next_c, float *squashed, float *recurred, Step step) {
  Wide place = thread_place();
  if (place >= (Wide)step.rows * step.hidden) return;
  const float pulled[4] = {};
  lstm_unit_forward(gates, bias, pulled, h, c, next_h, next_c, squashed, recurred, step, place / step.hidden,
                    place % step.hidden);
}

// A step back; `through` are the gradients of the masked copies of h.
extern "C" __global__ void lstm_backward(float *gates, const float *squashed, const float *c, float *dh, float *dc,
                                         const float *above, const float *through, Step step) {
  Wide place = thread_place();
  if (place >= (Wide)step.rows * step.hidden) return;
  unsigned row = place / step.hidden, j = place % step.hidden;
  float arrived = arriving(dh, above, through, step, row, j);
  lstm_unit_backward(gates, squashed, c, dh, dc, arrived, step, row, j);
}

// All steps.
extern "C" __global__ void __launch_bounds__(CROWD)
    lstm_window_forward(float *gates, const float *bias, const float *state, float *h, float *c, float *squashed,
                        float *recurred, Step step, unsigned steps, unsigned units, unsigned rows, unsigned chunk) {
  Share share = share_of<4>(step, units, rows, chunk);
  keep_columns<4>(share, state);
  Wide size = (Wide)step.rows * step.hidden;
  unsigned copies = step.copies;
  for (unsigned t = 0; t < steps; t++) {
    float pulled[4];
    products<4>(share, entering(h, recurred, step, copies, t), pulled);
    step.t = t;
    step.copies = t + 1 < steps ? copies : 0;
    if (owns(share))
      lstm_unit_forward(gates + t * size * 4, bias, pulled, h + t * size, c + t * size, h + (t + 1) * size,
                        c + (t + 1) * size, squashed + t * size, recurred + (t + 1) * size, step, own_row(share),
                        own_unit(share));
    if (t + 1 < steps) wait_for_step(share);
  }
}

// All steps back.
extern "C" __global__ void __launch_bounds__(CROWD)
    lstm_window_backward(float *gates, const float *squashed, const float *c, float *dh, float *dc, const float *above,
                         const float *state, Step step, unsigned steps, unsigned units, unsigned rows, unsigned chunk) {
  Share share = share_of<4>(step, units, rows, chunk);
  keep_rows<4>(share, state);
  Wide size = (Wide)step.rows * step.hidden;
  unsigned copies = step.copies;
  for (unsigned t = steps; t-- > 0;) {
    float pulled[4] = {};
    step.t = t;
    step.copies = t + 1 < steps ? copies : 0;
    if (t + 1 < steps) products<4>(share, returning<4>(gates, step, t + 1), pulled);
    if (owns(share)) {
      unsigned row = own_row(share), j = own_unit(share);
      float arrived = arriving_here<4>(dh, above + t * size, pulled, step, row, j);
      lstm_unit_backward(gates + t * size * 4, squashed + t * size, c + t * size, dh, dc, arrived, step, row, j);
    }
    if (t > 0) wait_for_step(share);
  }
}
