// The gated recurrent unit, one thread to a unit of a sequence: see worker/training/src/model/gru.rs.
#include "window.cuh"

// A unit at a step. `gates` holds the products with x of r, z and the candidate, `pulled` those with h. Left are the
// activations, and in the third part of `recalled` what r multiplies.
static __device__ void gru_unit_forward(float *gates, float *recalled, const float *bias, const float *recalled_bias,
                                        const float *pulled, const float *h, float *next_h, float *recurred, Step step,
                                        unsigned row, unsigned j) {
  unsigned n = step.hidden;
  Wide place = (Wide)row * n + j;
  float *x = gates + (Wide)row * 3 * n + j;
  float r = sigmoid(x[0] + pulled[0] + bias[j]);
  float z = sigmoid(x[n] + pulled[1] + bias[n + j]);
  float past = pulled[2] + recalled_bias[j];
  float made = tanhf(x[2 * n] + bias[2 * n + j] + r * past);
  float masked = made * entry(step.update, step.t, 0, row, j, 1.0f);
  float fresh = masked + z * (h[place] - masked);
  float next = fresh + entry(step.zoneout_state, step.t, 0, row, j, 0.0f) * (h[place] - fresh);
  x[0] = r;
  x[n] = z;
  x[2 * n] = made;
  recalled[(Wide)row * 3 * n + 2 * n + j] = past;
  next_h[place] = next;
  recur(recurred, step, row, j, next);
}

// A unit at a step on the way back, to whose h the gradient `arrived` came. Gradients of the products with x take the
// place of `gates`, those of the products with h of `recalled`.
static __device__ void gru_unit_backward(float *gates, float *recalled, const float *h, float *dh, float arrived,
                                         Step step, unsigned row, unsigned j) {
  unsigned n = step.hidden;
  Wide place = (Wide)row * n + j;
  float *x = gates + (Wide)row * 3 * n + j, *u = recalled + (Wide)row * 3 * n + j;
  float r = x[0], z = x[n], made = x[2 * n], past = u[2 * n];
  float keep = entry(step.zoneout_state, step.t, 0, row, j, 0.0f);
  float update = entry(step.update, step.t, 0, row, j, 1.0f);
  float fresh = arrived * (1.0f - keep), masked = made * update;
  dh[place] = arrived * keep + fresh * z;
  float inner = fresh * (1.0f - z) * update * (1.0f - made * made);
  x[0] = u[0] = inner * past * r * (1.0f - r);
  x[n] = u[n] = fresh * (h[place] - masked) * z * (1.0f - z);
  x[2 * n] = inner;
  u[2 * n] = inner * r;
}

// A step, whose products with h are in `recalled`.
extern "C" __global__ void gru_forward(float *gates, float *recalled, const float *bias, const float *recalled_bias,
                                       const float *h, float *next_h, float *recurred, Step step) {
  Wide place = thread_place();
  unsigned n = step.hidden;
  if (place >= (Wide)step.rows * n) return;
  unsigned row = place / n, j = place % n;
  const float *u = recalled + (Wide)row * 3 * n + j;
  const float pulled[3] = {u[0], u[n], u[2 * n]};
  gru_unit_forward(gates, recalled, bias, recalled_bias, pulled, h, next_h, recurred, step, row, j);
}

// A step back; `through` are the gradients of the masked copies of h.
extern "C" __global__ void gru_backward(float *gates, float *recalled, const float *h, float *dh, const float *above,
                                        const float *through, Step step) {
  Wide place = thread_place();
  if (place >= (Wide)step.rows * step.hidden) return;
  unsigned row = place / step.hidden, j = place % step.hidden;
  gru_unit_backward(gates, recalled, h, dh, arriving(dh, above, through, step, row, j), step, row, j);
}

// All steps.
extern "C" __global__ void __launch_bounds__(CROWD)
    gru_window_forward(float *gates, float *recalled, const float *bias, const float *recalled_bias, const float *state,
                       float *h, float *recurred, Step step, unsigned steps, unsigned units, unsigned rows,
                       unsigned chunk) {
  Share share = share_of<3>(step, units, rows, chunk);
  keep_columns<3>(share, state);
  Wide size = (Wide)step.rows * step.hidden;
  unsigned copies = step.copies;
  for (unsigned t = 0; t < steps; t++) {
    float pulled[3];
    products<3>(share, entering(h, recurred, step, copies, t), pulled);
    step.t = t;
    step.copies = t + 1 < steps ? copies : 0;
    if (owns(share))
      gru_unit_forward(gates + t * size * 3, recalled + t * size * 3, bias, recalled_bias, pulled, h + t * size,
                       h + (t + 1) * size, recurred + (t + 1) * size, step, own_row(share), own_unit(share));
    if (t + 1 < steps) wait_for_step(share);
  }
}

// All steps back.
extern "C" __global__ void __launch_bounds__(CROWD)
    gru_window_backward(float *gates, float *recalled, const float *h, float *dh, const float *above,
                        const float *state, Step step, unsigned steps, unsigned units, unsigned rows, unsigned chunk) {
  Share share = share_of<3>(step, units, rows, chunk);
  keep_rows<3>(share, state);
  Wide size = (Wide)step.rows * step.hidden;
  unsigned copies = step.copies;
  for (unsigned t = steps; t-- > 0;) {
    float pulled[3] = {};
    step.t = t;
    step.copies = t + 1 < steps ? copies : 0;
    if (t + 1 < steps) products<3>(share, returning<3>(recalled, step, t + 1), pulled);
    if (owns(share)) {
      unsigned row = own_row(share), j = own_unit(share);
      float arrived = arriving_here<3>(dh, above + t * size, pulled, step, row, j);
      gru_unit_backward(gates + t * size * 3, recalled + t * size * 3, h + t * size, dh, arrived, step, row, j);
    }
    if (t > 0) wait_for_step(share);
  }
}
