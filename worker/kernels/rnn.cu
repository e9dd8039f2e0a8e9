// The plain recurrent cell, one thread to a unit of a sequence: see worker/training/src/model/rnn.rs.
#include "window.cuh"

// A unit at a step. `gates` holds its pre-activation but for `pulled` and the bias, and then its activation.
static __device__ void rnn_unit_forward(float *gates, const float *bias, float pulled, const float *h, float *next_h,
                                        float *recurred, Step step, unsigned row, unsigned j) {
  Wide place = (Wide)row * step.hidden + j;
  float made = tanhf(gates[place] + pulled + bias[j]);
  float fresh = made * entry(step.update, step.t, 0, row, j, 1.0f);
  float keep = entry(step.zoneout_state, step.t, 0, row, j, 0.0f);
  float next = fresh + keep * (h[place] - fresh);
  gates[place] = made;
  next_h[place] = next;
  recur(recurred, step, row, j, next);
}

// A unit at a step on the way back, to whose h the gradient `arrived` came. The gradient of the pre-activation takes the
// place of the activation; `dh` leaves as what goes past the products.
static __device__ void rnn_unit_backward(float *gates, float *dh, float arrived, Step step, unsigned row, unsigned j) {
  Wide place = (Wide)row * step.hidden + j;
  float made = gates[place];
  float keep = entry(step.zoneout_state, step.t, 0, row, j, 0.0f);
  float update = entry(step.update, step.t, 0, row, j, 1.0f);
  dh[place] = arrived * keep;
  gates[place] = arrived * (1.0f - keep) * update * (1.0f - made * made);
}

// A step, whose products with h are in `gates`.
extern "C" __global__ void rnn_forward(float *gates, const float *bias, const float *h, float *next_h, float *recurred,
                                       Step step) {
  Wide place = thread_place();
  if (place >= (Wide)step.rows * step.hidden) return;
  rnn_unit_forward(gates, bias, 0.0f, h, next_h, recurred, step, place / step.hidden, place % step.hidden);
}

// A step back; `through` are the gradients of the masked copies of h.
extern "C" __global__ void rnn_backward(float *gates, float *dh, const float *above, const float *through, Step step) {
  Wide place = thread_place();
  if (place >= (Wide)step.rows * step.hidden) return;
  unsigned row = place / step.hidden, j = place % step.hidden;
  rnn_unit_backward(gates, dh, arriving(dh, above, through, step, row, j), step, row, j);
}

// All steps.
extern "C" __global__ void __launch_bounds__(CROWD)
    rnn_window_forward(float *gates, const float *bias, const float *state, float *h, float *recurred, Step step,
                       unsigned steps, unsigned units, unsigned rows, unsigned chunk) {
  Share share = share_of<1>(step, units, rows, chunk);
  keep_columns<1>(share, state);
  Wide size = (Wide)step.rows * step.hidden;
  unsigned copies = step.copies;
  for (unsigned t = 0; t < steps; t++) {
    float pulled;
    products<1>(share, entering(h, recurred, step, copies, t), &pulled);
    step.t = t;
    step.copies = t + 1 < steps ? copies : 0;
    if (owns(share))
      rnn_unit_forward(gates + t * size, bias, pulled, h + t * size, h + (t + 1) * size, recurred + (t + 1) * size,
                       step, own_row(share), own_unit(share));
    if (t + 1 < steps) wait_for_step(share);
  }
}

// All steps back.
extern "C" __global__ void __launch_bounds__(CROWD)
    rnn_window_backward(float *gates, float *dh, const float *above, const float *state, Step step, unsigned steps,
                        unsigned units, unsigned rows, unsigned chunk) {
  Share share = share_of<1>(step, units, rows, chunk);
  keep_rows<1>(share, state);
  Wide size = (Wide)step.rows * step.hidden;
  unsigned copies = step.copies;
  for (unsigned t = steps; t-- > 0;) {
    float pulled = 0.0f;
    step.t = t;
    step.copies = t + 1 < steps ? copies : 0;
    if (t + 1 < steps) products<1>(share, returning<1>(gates, step, t + 1), &pulled);
    if (owns(share)) {
      unsigned row = own_row(share), j = own_unit(share);
      rnn_unit_backward(gates + t * size, dh, arriving_here<1>(dh, above + t * size, &pulled, step, row, j), step, row,
                        j);
    }
    if (t > 0) wait_for_step(share);
  }
}
